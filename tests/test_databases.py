"""The rig itself: what the other tests take for granted of their database."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import httpx
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client

from tests.app.models import Effect
from tests.databases import Found
from tests.rig import Database
from tests.servers import Server, http_client, serve

VENDORS = {"sqlite": "sqlite", "postgresql": "postgresql", "mariadb": "mysql"}

INSERT = "INSERT INTO app_effect (label, amount, created_at) VALUES ('x', 0, '2026-01-01')"


def count_from_outside(database: Database) -> int:
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT count(*) FROM app_effect")
        return int(cursor.fetchone()[0])


def insert_and_tell_the_connection(amount: int) -> BaseDatabaseWrapper:
    Effect.objects.create(label="theirs", amount=amount)
    return connections["default"]


def test_it_is_the_database_that_it_says(database: Database) -> None:
    """A test that passes on `mariadb` has passed on MariaDB, not on a stand-in."""
    assert connection.vendor == database.vendor == VENDORS[database.name]
    assert getattr(connection, "mysql_is_mariadb", False) == (database.name == "mariadb")


@pytest.mark.parametrize("turn", [1, 2])
def test_it_is_empty_at_the_start(database: Database, turn: int) -> None:
    """No test sees the rows of another, in whichever order they run."""
    assert not Effect.objects.exists()
    Effect.objects.create(label="left behind")


def test_commits_are_seen_from_outside(database: Database) -> None:
    """A test is not wrapped in a transaction."""
    with transaction.atomic():
        Effect.objects.create(label="one")
        assert count_from_outside(database) == 0
    assert count_from_outside(database) == 1


def test_a_thread_gets_the_same_database(database: Database) -> None:
    """Threads write to the database of the test, over connections of their own."""
    Effect.objects.create(label="mine")
    with ThreadPoolExecutor(4) as pool:
        theirs = set(pool.map(insert_and_tell_the_connection, range(8)))
    assert Effect.objects.count() == 9
    assert connections["default"] not in theirs


def test_a_thread_that_outlives_tests_gets_the_same_database(database: Database) -> None:
    """Asgiref keeps a thread for all synchronous code; it must not stay with the database of an earlier test."""

    async def vendor() -> str:
        await Effect.objects.acreate(label="from the loop")
        return await sync_to_async(lambda: connection.vendor)()

    assert async_to_sync(vendor)() == database.vendor
    assert count_from_outside(database) == 1


def test_a_transaction_left_open_does_no_harm(database: Database) -> None:
    """Neither an abandoned session nor its locks reach the next test."""
    session = database.connect()
    session.set_autocommit(False)
    session.cursor().execute(
        "INSERT INTO app_effect (label, amount, created_at) VALUES ('x', 0, '2026-01-01')"
    )
    opened = threading.Thread(target=lambda: connection.ensure_connection())
    opened.start()
    opened.join()


def test_it_can_be_reconfigured(database: Database) -> None:
    """`ATOMIC_REQUESTS` and the like hold for the rest of the test."""
    database.reconfigure(ATOMIC_REQUESTS=True)
    assert connections.settings["default"]["ATOMIC_REQUESTS"]
    assert connection.settings_dict["ATOMIC_REQUESTS"]
    assert Client().post("/effects/", {"label": "one"}).status_code == 201
    assert count_from_outside(database) == 1


@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
def test_it_can_be_configured_by_a_mark(database: Database) -> None:
    """The mark says the same as `reconfigure`."""
    assert connection.settings_dict["ATOMIC_REQUESTS"]


def test_another_test_is_not_reconfigured(database: Database) -> None:
    """Settings end with the test that asked for them."""
    assert not connection.settings_dict["ATOMIC_REQUESTS"]


@pytest.mark.databases("postgresql", "mariadb")
@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_it_runs_at_any_isolation_level(database: Database, isolation: str) -> None:
    """The level that a test asks for is the one that the server uses."""
    database.reconfigure(isolation=isolation)
    question = {"postgresql": "SHOW transaction_isolation", "mariadb": "SELECT @@tx_isolation"}[database.name]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(question)
        assert cursor.fetchone()[0].lower().replace("-", " ") == isolation


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(("mode", "refused"), [("IMMEDIATE", True), (None, False)])
def test_sqlite_takes_the_write_lock_when_asked_to(
    database: Database, mode: str | None, refused: bool
) -> None:
    """A transaction is `IMMEDIATE`, as a deployment's should be; an option that is None is taken away."""
    database.reconfigure(OPTIONS={"transaction_mode": mode, "timeout": 0})
    stranger = database.connect().cursor()
    outcome = pytest.raises(OperationalError, match="locked") if refused else nullcontext()
    with transaction.atomic():
        Effect.objects.exists()
        with outcome:
            stranger.execute(INSERT)


@pytest.mark.databases("sqlite")
def test_sqlite_keeps_a_write_ahead_log(database: Database) -> None:
    """Readers do not wait for a writer."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)


def post(server: Server) -> httpx.Response:
    with http_client(server.url) as http:
        return http.post("/effects/", data={"label": "x"})


@pytest.mark.parametrize("asgi", [False, True], ids=["gunicorn", "uvicorn"])
def test_a_server_answers_from_several_processes(database: Database, asgi: bool) -> None:
    """The workers are processes, and write to the database of the test."""
    app = "tests.asgi:application" if asgi else "tests.wsgi:application"
    with serve(database, app, asgi=asgi, workers=2) as server:
        pids: set[int] = set()
        while len(pids) < 2:
            with ThreadPoolExecutor(8) as pool:
                posts = [pool.submit(post, server) for _ in range(16)]
            pids |= {post.result().raise_for_status().json()["pid"] for post in posts}
        assert pids == set(server.worker_pids())
    with pytest.raises(httpx.ConnectError):
        post(server)
    assert Effect.objects.count() % 16 == 0
    assert Effect.objects.exists()


def test_without_the_fixture_there_is_no_database() -> None:
    """A unit test cannot touch a database by accident."""
    with pytest.raises(RuntimeError, match="Database access not allowed"):
        Effect.objects.exists()


def test_what_is_required_and_missing_is_said_with_the_reason() -> None:
    """`REQUIRE_DATABASES` names what is missing, and why; also a name that is none."""
    found = Found(run="", urls={"sqlite": ""}, left_out={"mariadb": "refused"})
    assert found.missing("") == found.missing("sqlite") == ""
    assert found.missing("sqlite, mariadb, oracle") == "mariadb: refused; oracle: there is no such database"
