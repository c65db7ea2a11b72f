"""Hearing of deletions: many at once, undone ones, and models that do not exist."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from django_idempotency import IdempotencyPolicy, PolicyError
from django_idempotency.decorators import idempotent
from django_idempotency.deletions import connect
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect, Parcel, Tag
from tests.guarantee.desk import post
from tests.lifetimes.desk import MADE
from tests.lifetimes.rows import bound_to
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.lifetimes.desk")


@pytest.mark.parametrize("number", [1, 1_200])
def test_many_at_once(database: Database, number: int) -> None:
    """REQ 20: the objects of a queryset cost a few statements for each 500, not one or more each."""
    _deleted_in(number)


@pytest.mark.databases("postgresql")
def test_ten_thousand_at_once(database: Database) -> None:
    """REQ 20: as above."""
    _deleted_in(10_000)


def _deleted_in(number: int) -> None:
    bound_to(Effect.objects.bulk_create([Effect(label=str(n)) for n in range(number)], batch_size=5_000))
    with CaptureQueriesContext(connection) as queries:
        Effect.objects.all().delete()
    ours = [query for query in queries if "idempotency_record" in query["sql"]]
    assert 1 <= len(ours) <= 3 * -(-number // 500)
    assert IdempotencyRecord.objects.filter(response_body=None, response_headers="").count() == number


def test_a_deletion_that_is_rolled_back(database: Database) -> None:
    """REQ 20: nothing is taken away before the deletion is committed, nor when it is undone."""
    first = post("/integer/followed/")
    with transaction.atomic():
        Effect.objects.all().delete()
        assert IdempotencyRecord.objects.get().response_body is not None
        transaction.set_rollback(True)
    with transaction.atomic():  # whose COMMIT must not bury what came back
        Effect.objects.create(label="another").delete()
    assert IdempotencyRecord.objects.get().resource_deleted_at is None
    assert post("/integer/followed/").content == first.content


def test_models_that_no_policy_names_keep_their_fast_deletes(database: Database) -> None:
    """REQ 20: nobody listens to them."""
    Parcel.objects.bulk_create([Parcel() for _ in range(3)])
    from django.contrib.auth.models import Group
    from django.db.models.signals import post_delete

    assert post_delete.has_listeners(Tag)  # tests.lifetimes.desk names it
    assert not post_delete.has_listeners(Group)


def test_a_model_that_does_not_exist() -> None:
    """The mistake is told where the view is written."""
    policy = IdempotencyPolicy(follows=("app.Efect",))
    with pytest.raises(PolicyError, match=r"'app\.Efect'.*no such model"):
        idempotent(policy)(lambda request: None)
    connect()  # and it keeps nothing else from being followed, however often that is looked at


def test_a_failure_does_not_touch_the_deletion(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deletion is committed: it does not fail for what comes after, and the purge comes anyway."""
    post("/integer/followed/")

    def refuse(execute: object, sql: str, *args: object) -> object:
        if "UPDATE" in sql and "idempotency_record" in sql:
            raise RuntimeError("not now")
        return execute(sql, *args)  # type: ignore[operator]

    with connection.execute_wrapper(refuse):
        assert MADE[-1].delete()[0] == 1
    assert "not now" in caplog.text
    assert post("/integer/followed/").status_code == 404


def test_what_the_default_policy_follows() -> None:
    """REQ 20: the models of the settings' policy are listened to from the start, and no others."""
    asks = (
        "import django; django.setup(); from django.db.models.signals import post_delete as s; "
        "from tests.app.models import Effect, Tag; print(s.has_listeners(Tag), s.has_listeners(Effect))"
    )
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.lifetimes.default_settings"}
    ran = subprocess.run(
        [sys.executable, "-c", asks], env=environ, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True", "False"]
