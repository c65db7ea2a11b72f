"""An object that a request made is deleted, in every way that there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import Model, QuerySet

from django_idempotency.models import IdempotencyRecord
from django_idempotency.purge import Purged, purge
from tests.app.models import AnyEffect, Effect, Tag
from tests.guarantee.desk import post, records
from tests.lifetimes.desk import MADE, age, assert_tombstone
from tests.rig import Database

pytestmark = [pytest.mark.urls("tests.lifetimes.desk"), pytest.mark.usefixtures("entries")]


@pytest.fixture(autouse=True)
def nothing_made() -> Iterator[None]:
    MADE.clear()
    yield
    MADE.clear()


def same(made: Model) -> QuerySet[Model]:
    return type(made)._base_manager.filter(pk=made.pk)


def by_sql(made: Model) -> None:
    table = connection.ops.quote_name(made._meta.db_table)
    column = connection.ops.quote_name(str(made._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE {column} = %s",
            [made._meta.pk.get_db_prep_value(made.pk, connection)],
        )


def parent(made: Model) -> Effect:
    return Effect.objects.get()


ROUTES: dict[str, tuple[str, Callable[[Model], object]]] = {
    "integer, single": ("integer", lambda made: made.delete()),
    "integer, queryset": ("integer", lambda made: same(made).delete()),
    "integer, raw": ("integer", lambda made: same(made)._raw_delete("default")),
    "integer, sql": ("integer", by_sql),
    "integer, as its proxy": ("integer", lambda made: AnyEffect.objects.get(pk=made.pk).delete()),
    "uuid, single": ("uuid", lambda made: made.delete()),
    "uuid, sql": ("uuid", by_sql),
    "text, queryset": ("text", lambda made: same(made).delete()),
    "text, sql": ("text", by_sql),
    "proxy, single": ("proxy", lambda made: made.delete()),
    "inherited, single": ("inherited", lambda made: made.delete()),
    "inherited, as its parent": ("inherited", lambda made: parent(made).delete()),
    "child, cascade": ("child", lambda made: parent(made).delete()),
    "child, cascade of a queryset": ("child", lambda made: Effect.objects.all().delete()),
    "entry, cascade of the database": ("entry", lambda made: same(parent(made))._raw_delete("default")),
}


def answered(path: str) -> tuple[int, str]:
    """A retry must not have made anything, whatever it says."""
    made = len(MADE)
    response = post(path)
    assert len(MADE) == made
    assert b"secret" not in response.content
    assert "Location" not in response.headers
    return response.status_code, json.loads(response.content)["code"]


@pytest.mark.usefixtures("unheard")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("lifetime", ["", "for-ever/"], ids=["a day", "for ever"])
def test_the_key_of_a_deleted_object(database: Database, route: str, lifetime: str) -> None:
    """REQ 20: it answers `not_found` until its retention ends; then the row goes, and the key is free."""
    kind, delete = ROUTES[route]
    path = f"/{kind}/{lifetime}"
    assert post(path).status_code == 201
    record = IdempotencyRecord.objects.get()
    delete(MADE[0])

    assert answered(path) == (404, "not_found")
    assert purge(rest=0).tombstones == 1
    assert_tombstone(record)
    assert purge(rest=0).tombstones == 0  # once
    assert answered(path) == (404, "not_found")

    # 30 days from the deletion on, or what is left of the lifetime.
    retention = timedelta(days=30) if lifetime else timedelta(days=1)
    age(retention - timedelta(minutes=1))
    assert (purge(rest=0).expired, records()) == (0, 1)
    assert answered(path) == (404, "not_found")
    age(timedelta(minutes=2))
    assert (purge(rest=0).expired, records()) == (1, 0)
    assert post(path).status_code == 201
    assert len(MADE) == 2


@pytest.mark.parametrize("route", [name for name in ROUTES if "sql" not in name and "raw" not in name])
def test_followed_models_are_heard_of_at_once(database: Database, route: str) -> None:
    """REQ 20: where a policy names the model, the deletion itself takes body and headers away."""
    kind, delete = ROUTES[route]
    path = f"/{kind}/followed/"
    assert post(path).status_code == 201
    delete(MADE[0])
    if kind != "entry":  # which nobody hears of
        assert_tombstone(IdempotencyRecord.objects.get())
        assert purge(rest=0).tombstones == 0
    assert answered(path) == (404, "not_found")


@pytest.mark.usefixtures("unheard")
def test_an_expired_tombstone_is_free_without_a_purge(database: Database) -> None:
    """REQ 12, 20: retention is judged when the key comes back."""
    post("/integer/for-ever/")
    MADE[0].delete()
    purge(rest=0)
    age(timedelta(days=31))
    assert post("/integer/for-ever/").status_code == 201
    record = IdempotencyRecord.objects.get()
    assert (record.resource_deleted_at, record.expires_at) == (None, None)
    assert post("/integer/for-ever/").headers["Idempotent-Replayed"] == "true"


def test_objects_that_are_there_keep_their_records(database: Database) -> None:
    """REQ 20: the purge looks, and leaves what it finds; also texts that the database takes for one."""
    for kind in ("integer", "uuid", "text", "inherited"):
        post(f"/{kind}/", key=kind)
    IdempotencyRecord.objects.filter(key="text").update(resource_id="ÜNÖ\t'1'")
    same_text = Tag.objects.filter(name="ÜNÖ\t'1'").exists()  # MariaDB's collations fold case
    assert purge(rest=0).tombstones == (0 if same_text else 1)


@pytest.mark.usefixtures("unheard")
def test_objects_in_another_database(database: Database, archive: str) -> None:
    """REQ 20: an object is looked for where it was saved."""
    tag = Tag.objects.using(archive).create(name="there")
    post("/text/")
    IdempotencyRecord.objects.update(resource_id="there", resource_database=archive)
    assert purge(rest=0).tombstones == 0
    tag.delete()
    assert purge(rest=0).tombstones == 1


def test_a_renamed_model(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can tell whether its objects are there: nothing is taken away, and the operator is told."""
    post("/integer/")
    IdempotencyRecord.objects.update(resource_type="app.former")
    assert purge(rest=0).tombstones == 0
    assert "app.former" in caplog.text
    assert IdempotencyRecord.objects.get().response_body is not None


@pytest.mark.usefixtures("unheard")
def test_a_key_of_another_type(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A model's key has changed its type: those records are left, the operator is told, and the purge goes on."""
    for key in ("before", "after"):
        post("/integer/", key=key)
    IdempotencyRecord.objects.filter(key="before").update(resource_id="a-text")
    MADE[1].delete()
    assert purge(rest=0) == Purged(tombstones=1, finished=True)
    assert IdempotencyRecord.objects.get(resource_deleted_at=None).key == "before"
    assert caplog.text.count("app.effect") == 1
    assert post("/integer/", key="before").status_code == 404
