"""What is counted is written once, whoever else writes, and whatever the database says."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier, Thread
from threading import enumerate as threads
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.test.utils import _TestState
from django.utils import timezone

from django_idempotency import counts
from django_idempotency.counts import Tally
from django_idempotency.models import IdempotencyCount
from django_idempotency.purge import purge
from tests.budgets.wire import listening, through_proxy
from tests.counts.parts import ENDPOINT, table, written
from tests.guarantee.gate import PATIENCE
from tests.rig import Database
from tests.rules.parts import Site, send
from tests.systems.crew import wait_for

WRITERS = 4


def at_once(work: Callable[[int], None]) -> None:
    """Let all writers begin at the same moment."""
    barrier = Barrier(WRITERS)

    def run(number: int) -> None:
        barrier.wait(PATIENCE)
        work(number)

    running = [Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


@contextmanager
def without_table() -> Iterator[None]:
    """A database that takes no counts."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE idempotency_count RENAME TO elsewhere")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO idempotency_count")


def add_up(turns: int) -> None:
    """Let all write into the same rows at the same moment, and see that nothing is lost or doubled."""
    names = [f"POST {number}" for number in range(40)]

    def write(number: int) -> None:
        # Each has them in another order.
        turned = names[number * 10 :] + names[: number * 10]
        for _ in range(turns):
            counts.store("default", Counter({(name, "executed"): 1 for name in turned}))

    at_once(write)
    assert table() == {(name, "executed"): turns * WRITERS for name in names}


def test_processes_that_write_at_once(database: Database) -> None:
    """REQ 27: what several write into the same rows adds up."""
    add_up(25)


@pytest.mark.databases("postgresql", "mariadb")
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_whatever_the_isolation(database: Database, isolation: str) -> None:
    """REQ 27: also where the database lets one of two give way."""
    database.reconfigure(isolation=isolation)
    add_up(10)


@pytest.mark.databases("postgresql")
@pytest.mark.database_settings(OPTIONS={"options": "-c default_transaction_isolation=serializable"})
def test_who_has_to_give_way_tries_again(database: Database) -> None:
    """REQ 27: a statement that waited for another one's row, and may not add to it any more, is begun again."""
    given = Counter({("POST a", "executed"): 1})
    counts.store("default", given)
    watcher = database.connect()
    with transaction.atomic():
        IdempotencyCount.objects.update(requests=10)
        waiting = Thread(target=counts.store, args=("default", given))
        waiting.start()
        wait_for(lambda: blocked(watcher), lambda number: number == 1)
    waiting.join()
    assert table() == {("POST a", "executed"): 11}


def blocked(watcher: BaseDatabaseWrapper) -> int:
    """How many sessions of this database wait for another one."""
    with watcher.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(cursor.fetchone()[0])


def test_an_hour_is_the_databases(database: Database) -> None:
    """REQ 27: what is added in one hour is one row, whose hour is the database's, in UTC."""
    for _ in range(2):
        counts.store("default", Counter({("POST a", "executed"): 2, ("POST a", "replayed"): 3}))
    rows = list(IdempotencyCount.objects.order_by("outcome"))
    # At the turn of an hour there are two of each.
    assert {
        (row.outcome, sum(each.requests for each in rows if each.outcome == row.outcome)) for row in rows
    } == {
        ("executed", 4),
        ("replayed", 6),
    }
    for row in rows:
        assert (row.hour.minute, row.hour.second, row.hour.microsecond) == (0, 0, 0)
        assert timezone.now() - timedelta(hours=1, minutes=1) < row.hour <= timezone.now()


def test_names_are_kept_apart(database: Database) -> None:
    """REQ 13, 27: two endpoints that differ in case only are two; no name is too long, and none breaks the statement."""
    given = Counter({("POST a", "x"): 1, ("POST A", "x"): 2, ("é" * 255, "x"): 3, ("100%s '\"`;", "x"): 4})
    counts.store("default", given)
    assert table() == given


@pytest.mark.usefixtures("counting")
def test_a_database_that_fails(database: Database, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 27: nobody's request fails; what is not taken is kept, said once, and written when it can be."""
    client = site()
    with without_table(), caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert send(client, path="/x").status_code == 201
            counts.tally.write()
    (warning,) = [record for record in caplog.records if record.name == "django_idempotency"]
    assert "Counts could not be written to default" in warning.getMessage()
    assert written() == {(ENDPOINT, "executed"): 1, (ENDPOINT, "replayed"): 2}


@pytest.mark.usefixtures("counting")
def test_nothing_is_counted_twice(database: Database, site: Site) -> None:
    """REQ 27: requests that end while others are written are written once."""

    def ask(number: int) -> None:
        for _ in range(10):
            counts.tally.add("default", "POST a", "executed")
            counts.tally.write()

    at_once(ask)
    assert written() == {("POST a", "executed"): 10 * WRITERS}


@pytest.mark.usefixtures("counting")
def test_a_thread_writes_and_ends(database: Database, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 27: what was counted is written by itself a while later, and no thread stays behind."""
    monkeypatch.setattr(counts, "EVERY", 0.01)
    client = site()
    for requests in (1, 2, 3):
        send(client, path="/x")
        wait_for(lambda: sum(table().values()), requests.__eq__)
        wait_for(writers, lambda found: found == [])


@pytest.mark.usefixtures("counting")
def test_a_thread_tries_again(
    database: Database, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 27: a database that comes back gets what was counted meanwhile, without another request."""
    monkeypatch.setattr(counts, "EVERY", 0.01)
    with without_table():
        send(site(), path="/x")
        wait_for(lambda: caplog.text, lambda seen: "could not be written" in seen)
    wait_for(table, lambda seen: seen == {(ENDPOINT, "executed"): 1})


def writers() -> list[Thread]:
    return [thread for thread in threads() if thread.name == "idempotency-counts"]


def test_memory_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 27: endpoints without number fill neither the memory nor the statement."""
    monkeypatch.setattr(counts, "MOST", 3)
    tally = Tally()
    for number in range(10):
        tally.add("default", f"POST {number}", "executed")
        tally.add("default", "POST 0", "executed")
    with without_table():
        tally.write()
    tally.add("default", "POST 10", "executed")
    tally.write()
    tally.finish()
    assert table() == {("POST 0", "executed"): 11, ("POST 1", "executed"): 1, ("POST 2", "executed"): 1}


def test_as_many_as_memory_holds(database: Database) -> None:
    """REQ 29: the longest statement is one that each database takes."""
    given = Counter({(f"POST {number}", "executed"): 1 for number in range(counts.MOST)})
    for _ in range(2):
        counts.store("default", given)
    assert set(table().values()) == {2}
    assert len(table()) == counts.MOST


def test_a_test_run_is_left_alone(database: Database, site: Site, settings: Any) -> None:
    """REQ 27, 30: in a test run nothing is counted and no thread starts, unless the settings say so."""
    settings.IDEMPOTENCY = {}
    send(site(), path="/x")
    assert (writers(), written()) == ([], {})


def test_outside_of_a_test_run(database: Database, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 27: by default it counts; one setting ends that."""
    settings.IDEMPOTENCY = {}
    monkeypatch.delattr(_TestState, "saved_data")
    assert counts.are_kept()
    settings.IDEMPOTENCY = {"COUNTS": False}
    assert not counts.are_kept()


@pytest.mark.usefixtures("counting", "heard")
def test_a_request_has_no_statement_more(database: Database, site: Site, settings: Any) -> None:
    """REQ 3, 27: counted or not, a request and its replay send the same to the database."""
    client = site()
    with through_proxy(database):
        send(client, key="warm", path="/x")
        counted = [statements(database, client, "a") for _ in range(2)]
        settings.IDEMPOTENCY = {"COUNTS": False}
        assert [statements(database, client, "b") for _ in range(2)] == counted
        assert counted[0] != counted[1]
        assert written() == {(ENDPOINT, "executed"): 2, (ENDPOINT, "replayed"): 1}


def statements(database: Database, client: Client, key: str) -> list[str]:
    """What one request sends to the database, without its values."""
    with listening(database) as traffic:
        send(client, key=key, path="/x")
    return [re.sub(r"'[^']*'|-?\d+", "?", statement) for statement in traffic.sent]


def test_old_counts_are_purged(database: Database) -> None:
    """REQ 27: what is older than 30 days goes, batch by batch; the rest stays."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    old, kept = range(30 * 24 + 1, 30 * 24 + 6), (1, 30 * 24 - 1)
    IdempotencyCount.objects.bulk_create(
        IdempotencyCount(hour=now - timedelta(hours=hours), endpoint=name, outcome="executed", requests=1)
        for hours in (*old, *kept)
        for name in ("a", "b", "c")
    )
    left: list[int] = []
    purged = purge(batch=4, rest=0, progress=lambda purged: left.append(IdempotencyCount.objects.count()))
    assert (purged.finished, left) == (True, [15, 9, 6])
    assert {count.hour for count in IdempotencyCount.objects.all()} == {
        now - timedelta(hours=hours) for hours in kept
    }
