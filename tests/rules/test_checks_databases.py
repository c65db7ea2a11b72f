"""What `manage.py check --database` says of the databases where the records are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.utils import _TestState
from django.urls import path

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.schedules import TASK, schedule
from tests.rig import HANDLER, Database
from tests.rules.test_checks import ids

RECORDS = "idempotency_record"


def numbers(**changes: Any) -> list[str]:
    return [str(found).rpartition(".")[2] for found in ids(**changes)]


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def done(change: str, undo: str) -> Iterator[None]:
    """Change the database for a while, whoever is connected to it."""
    execute(change)
    try:
        yield
    finally:
        execute(undo)


@pytest.mark.databases("postgresql")
def test_a_level_that_the_server_sets(database: Database) -> None:
    """W003: a level is told that no setting of Django's names, but the database itself."""
    name = connection.settings_dict["NAME"]
    setting = "default_transaction_isolation"
    with done(
        f"ALTER DATABASE {name} SET {setting} = 'serializable'", f"ALTER DATABASE {name} RESET {setting}"
    ):
        database.reconfigure()
        assert numbers() == ["W003"]
    database.reconfigure()
    assert numbers() == []


@pytest.mark.databases("mariadb")
def test_a_level_that_is_left_to_the_server(database: Database) -> None:
    """W003: where Django is told to set none, the server's own counts."""
    assert numbers() == []
    database.reconfigure(
        OPTIONS={"isolation_level": "", "init_command": "SET SESSION tx_isolation='SERIALIZABLE'"}
    )
    assert numbers() == ["W003"]


READ_ONLY = {
    "postgresql": {"options": "-c default_transaction_read_only=on"},
    "mariadb": {"init_command": "SET SESSION TRANSACTION READ ONLY"},
    "sqlite": {"init_command": "PRAGMA query_only=1"},
}


def test_a_database_that_cannot_be_written_to(database: Database) -> None:
    """E006: a replica in the place of the records is told before it refuses every request."""
    assert numbers() == []
    database.reconfigure(OPTIONS=READ_ONLY[database.name])
    assert numbers() == ["E006"]


HASTY = {
    "postgresql": {"options": "-c synchronous_commit=off"},
    "sqlite": {"init_command": "PRAGMA synchronous=OFF"},
}


@pytest.mark.databases(*HASTY)
def test_commits_that_do_not_wait_for_the_disk(database: Database) -> None:
    """W009: a database that may forget what it has committed is told."""
    assert numbers() == []
    database.reconfigure(OPTIONS=HASTY[database.name])
    assert numbers() == ["W009"]


@pytest.mark.databases("postgresql")
def test_an_unlogged_table(database: Database) -> None:
    """W007: a table that a crash would empty is told."""
    with done(f"ALTER TABLE {RECORDS} SET UNLOGGED", f"ALTER TABLE {RECORDS} SET LOGGED"):
        assert numbers() == ["W007"]
    assert numbers() == []


@pytest.mark.databases("mariadb")
def test_an_engine_without_transactions(database: Database) -> None:
    """E008, W012: an engine that takes nothing back is an error for the records, and a warning for any other table."""
    with done(f"ALTER TABLE {RECORDS} ENGINE=Aria", f"ALTER TABLE {RECORDS} ENGINE=InnoDB"):
        assert numbers() == ["E008"]
    with done("CREATE TABLE plain (id int) ENGINE=MyISAM", "DROP TABLE plain"):
        assert numbers() == ["W012"]
    assert numbers() == []


def test_before_the_first_migration(database: Database) -> None:
    """`migrate` checks before there is a table, and is not kept from making it."""
    with done(f"ALTER TABLE {RECORDS} RENAME TO away", f"ALTER TABLE away RENAME TO {RECORDS}"):
        assert numbers() == []


@pytest.fixture
def elsewhere(database: Database) -> Iterator[str]:
    """Another alias of the same database."""
    HANDLER.settings["elsewhere"] = {**HANDLER.settings["default"]}
    yield "elsewhere"
    del HANDLER.settings["elsewhere"]


def guarded(policy: IdempotencyPolicy) -> Any:
    """The URLs of a project with one guarded route."""

    def pay(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    urls: Any = ModuleType("one_guarded_route")
    urls.urlpatterns = [path("pay/", idempotent(policy)(pay), name="pay")]
    return urls


@pytest.mark.databases("mariadb")
def test_bodies_that_the_server_does_not_take(database: Database) -> None:
    """W011: a policy that would keep more than one statement may hold is told."""
    assert numbers(ROOT_URLCONF=guarded(IdempotencyPolicy())) == []
    assert numbers(ROOT_URLCONF=guarded(IdempotencyPolicy(max_body_size=2**31))) == ["W011"]


@pytest.mark.databases("postgresql")
def test_records_on_another_alias(database: Database, elsewhere: str) -> None:
    """The alias that a policy names is looked at like the router's."""
    HANDLER.settings[elsewhere]["OPTIONS"] = READ_ONLY[database.name]
    urls = guarded(IdempotencyPolicy(database=elsewhere))
    try:
        with override_settings(ROOT_URLCONF=urls):
            assert "E006" not in numbers()
            assert "E006" in numbers(databases=(elsewhere,))
    finally:
        connections[elsewhere].close()


@pytest.fixture
def beat(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A project with django-celery-beat, migrated, and not in a test run."""
    pytest.importorskip("django_celery_beat")
    with override_settings(INSTALLED_APPS=[*django_settings.INSTALLED_APPS, "django_celery_beat"]):
        models = list(apps.get_app_config("django_celery_beat").get_models())
        with connection.schema_editor() as editor:
            for model in models:
                editor.create_model(model)
        with monkeypatch.context() as patch:
            patch.delattr(_TestState, "saved_data")
            yield apps.get_model("django_celery_beat.PeriodicTask")
        with connection.schema_editor() as editor:
            for model in reversed(models):
                editor.delete_model(model)


def test_a_purge_that_nothing_runs(beat: Any) -> None:
    """W008: where django-celery-beat is there to run the purge, and does not, it is told."""
    assert numbers() == ["W008"]
    schedule(timedelta(hours=1))
    assert numbers() == []
    beat.objects.update(enabled=False)
    assert numbers() == ["W008"]
    entry = {"task": TASK, "schedule": timedelta(hours=1)}
    assert numbers(CELERY_BEAT_SCHEDULE={"other": {**entry, "task": "other"}}) == ["W008"]
    assert numbers(CELERY_BEAT_SCHEDULE={"purge": entry}) == []


@pytest.mark.databases("sqlite")
def test_a_purge_without_django_celery_beat(database: Database) -> None:
    """Where cron may run the purge, nobody can tell, and nothing is told; nor before the first migration."""
    assert numbers() == []
    with override_settings(INSTALLED_APPS=[*django_settings.INSTALLED_APPS, "django_celery_beat"]):
        assert numbers() == []


@pytest.mark.databases("mariadb")
def test_a_level_at_which_nothing_is_promised(database: Database) -> None:
    """E010: where others' uncommitted rows are read, a duplicate could be answered with what never was."""
    database.reconfigure(OPTIONS={"isolation_level": "read uncommitted"})
    assert numbers() == ["E010"]


@pytest.mark.databases("mariadb")
@pytest.mark.parametrize(("version", "told"), [((10, 5, 29), ["E011"]), ((10, 6, 0), [])])
def test_a_server_that_is_too_old(
    database: Database, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], told: list[str]
) -> None:
    """E011: a server on which the purge would fail is told of."""
    monkeypatch.setitem(vars(connections["default"]), "mysql_version", version)
    assert numbers() == told


def test_without_autocommit(database: Database) -> None:
    """E009: a database that nothing would be committed to."""
    database.reconfigure(AUTOCOMMIT=False)
    assert "E009" in numbers()
    database.reconfigure(AUTOCOMMIT=True)


@pytest.mark.databases("mariadb", "sqlite")
def test_a_zone_of_the_database(database: Database) -> None:
    """W004: times that are written in UTC and read as another zone's are told of."""
    database.reconfigure(TIME_ZONE="Asia/Kolkata")
    assert numbers() == ["W004"]
