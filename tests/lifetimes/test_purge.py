"""The purge: what it takes, what it never takes, its bounds, and what else happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.signals import post_delete
from django.http import HttpRequest, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from django_idempotency import Mode
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyPurge, IdempotencyRecord
from django_idempotency.purge import BRIEF, Purged, Size, purge
from django_idempotency.tombstones import bound_objects
from tests.app.models import Effect, Parcel, Tag
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, effects, post
from tests.guarantee.gate import PATIENCE
from tests.lifetimes.rows import PAST, bound_to, rows
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

MEANWHILE: list[Callable[[], object]] = []


def pay(request: HttpRequest) -> JsonResponse:
    effect = Effect.objects.create(label="paid")
    while MEANWHILE:
        MEANWHILE.pop()()
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [
    path("pay/", idempotent(POLICY)(pay)),
    path("pay/leased/", idempotent(POLICY.but(mode=Mode.LEASED))(pay)),
]


def elsewhere(action: Callable[[], Any]) -> Any:
    """In another thread, over a connection of its own."""

    def run() -> Any:
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(PATIENCE)


def left() -> set[str]:
    return set(IdempotencyRecord.objects.values_list("key", flat=True))


def test_what_is_taken_and_what_is_not(database: Database) -> None:
    """REQ 12: expired answers go; nothing that lives, is in flight or unknown, however old it is."""
    rows(7)
    kept = {
        *rows(2, expires_at=None),
        *rows(2, expires_at=timezone.now() + timedelta(minutes=1)),
        *rows(2, state="unknown", mode="leased", owner=uuid4()),
        *rows(2, state="in_progress", mode="leased", owner=uuid4(), lease_expires_at=PAST),
    }
    assert purge(rest=0) == Purged(expired=7, tombstones=0, finished=True)
    assert left() == {record.key for record in kept}
    assert purge(rest=0) == Purged(expired=0, tombstones=0, finished=True)


def test_it_goes_by_the_clock_that_wrote_the_times(database: Database) -> None:
    """REQ 12: in UTC, wherever the session of the database believes to be."""
    east, west = {
        "sqlite": ("PRAGMA user_version", "PRAGMA user_version"),
        "postgresql": ("SET TIME ZONE 'Asia/Tokyo'", "SET TIME ZONE 'America/Lima'"),
        "mariadb": ("SET time_zone = '+09:00'", "SET time_zone = '-05:00'"),
    }[database.name]
    (gone,) = rows(1, expires_at=timezone.now() - timedelta(hours=1))
    (stays,) = rows(1, expires_at=timezone.now() + timedelta(hours=1))
    for zone in (east, west):
        with connection.cursor() as cursor:
            cursor.execute(zone)
        purge(rest=0)
        assert left() == {stays.key}, zone
        rows(1, expires_at=timezone.now() - timedelta(hours=1))
    assert gone.key not in left()


def test_batches_of_equal_times(database: Database) -> None:
    """Records that expire in the same moment are no fewer for it."""
    rows(25)
    seen: list[int] = []
    assert purge(batch=10, rest=0, progress=lambda done: seen.append(done.expired)).expired == 25
    assert seen == [10, 20, 25]


def test_bounds(database: Database) -> None:
    """A purge with bounds says that there is more, and the next one goes on."""
    rows(25)
    assert purge(batch=10, rows=12, rest=0) == Purged(expired=12, finished=False)
    assert purge(seconds=0, rest=0) == Purged(finished=False)
    assert purge(rows=0, rest=0) == Purged(finished=False)
    assert purge(seconds=PATIENCE, rest=0) == Purged(expired=13, finished=True)


def test_it_rests(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps so many times as long as it works."""
    slept: list[float] = []
    monkeypatch.setattr("django_idempotency.purge.time.sleep", slept.append)
    rows(30)
    purge(batch=10, rest=0)
    assert slept == [0, 0, 0]
    slept.clear()
    rows(30)
    purge(batch=10, rest=2.0)
    assert len(slept) == 3
    assert all(0 < seconds < PATIENCE for seconds in slept)


@pytest.mark.parametrize(
    ("brief", "rest", "expected"),
    [(1e-9, 1e-9, [100, 120, 140, 150]), (60.0, 1e-9, [100, 150]), (1e-9, 0, [100, 150])],
    ids=["long", "brief", "long, and nobody minds"],
)
def test_batches_that_take_long_get_smaller(
    database: Database, monkeypatch: pytest.MonkeyPatch, brief: float, rest: float, expected: list[int]
) -> None:
    """REQ 12: live requests wait behind no long batch; where it does not rest for them, it does not care."""
    monkeypatch.setattr("django_idempotency.purge.BRIEF", brief)
    rows(150)
    seen: list[int] = []
    purge(batch=100, rest=rest, progress=lambda done: seen.append(done.expired))
    assert seen == expected


def test_batches_grow_again() -> None:
    """One batch that took long, for whatever reason, does not slow down all that follow."""
    size = Size(500)
    for seconds, expected in [
        (BRIEF, 500),
        (4 * BRIEF, 125),
        (0.0, 250),
        (BRIEF, 250),
        (0.0, 500),
        (0.0, 500),
    ]:
        size.learn(seconds)
        assert size.now == expected


def test_both_works_take_turns(database: Database) -> None:
    """REQ 20: expired records, however many, do not keep a bounded purge from the deleted objects."""
    rows(50)
    effects = Effect.objects.bulk_create([Effect(label=str(n)) for n in range(20)])
    bound_to(effects)
    Effect.objects.all()._raw_delete("default")
    done = purge(batch=10, rows=40, rest=0)
    assert (done.expired, done.tombstones) == (20, 20)


def test_many_records_of_one_object(database: Database) -> None:
    """REQ 20: however many records tell of one object, a batch is a batch, and a bound a bound."""
    effect = Effect.objects.create(label="shared")
    bound_to([effect] * 45)
    Effect.objects.all()._raw_delete("default")
    batches: list[int] = []
    done = purge(batch=10, rows=30, rest=0, progress=lambda done: batches.append(done.tombstones))
    assert (done.tombstones, done.finished) == (30, False)
    assert {later - before for before, later in pairwise([0, *batches])} <= {0, 10}
    assert purge(batch=10, rest=0) == Purged(tombstones=15, finished=True)


def test_objects_that_cannot_be_looked_at(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 20: a table or a database that is away keeps the purge from nothing else, and it says so."""
    parcels, effects = [Parcel.objects.create() for _ in range(3)], Effect.objects.bulk_create([Effect()] * 3)
    bound_to([*parcels, *effects])
    rows(30)
    Effect.objects.all()._raw_delete("default")
    Tag.objects.create(name="behind it")
    bound_to([Tag.objects.get()])
    Tag.objects.all()._raw_delete("default")
    table = Parcel._meta.db_table
    with done_to(f"ALTER TABLE {table} RENAME TO away", f"ALTER TABLE away RENAME TO {table}"):
        assert purge(batch=10, rest=0) == Purged(expired=30, tombstones=4, finished=False)
    assert "cannot look at app.parcel" in caplog.text
    assert IdempotencyPurge.objects.latest("pk").ended_at is not None
    Parcel.objects.all()._raw_delete("default")
    assert purge(batch=10, rest=0) == Purged(tombstones=3, finished=True)


def test_whoever_listens_to_every_deletion(database: Database) -> None:
    """REQ 20: a project that hears of all deletions does not make the purge fetch what it removes."""
    rows(20)
    heard: list[object] = []

    def hear(sender: object, **kwargs: object) -> None:
        heard.append(sender)

    post_delete.connect(hear)
    try:
        with CaptureQueriesContext(connection) as queries:
            assert purge(rest=0).expired == 20
    finally:
        post_delete.disconnect(hear)
    assert not [query for query in queries if "response_body" in query["sql"].partition("FROM")[0]]
    assert IdempotencyRecord not in heard


@contextmanager
def done_to(change: str, undo: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(change)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(undo)


class Killed(Exception):
    pass


def test_the_next_one_goes_on_where_this_one_stopped(database: Database) -> None:
    """REQ 20: many objects may take several purges, killed or bounded; each comes further, then it begins again."""
    bound_to(Effect.objects.bulk_create([Effect(label=str(n)) for n in range(30)]))
    last = IdempotencyRecord.objects.order_by("-resource_id").values_list("resource_id", flat=True)[0]

    def kill(done: Purged) -> None:
        if not done.tombstones:
            raise Killed

    for _ in range(2):  # from the beginning to the end, and again
        for _ in range(2):
            with pytest.raises(Killed):
                purge(batch=10, rest=0, progress=kill)
        Effect.objects.filter(pk=last)._raw_delete("default")
        began = IdempotencyPurge.objects.latest("pk")
        assert (began.resource_type, began.ended_at) == ("app.effect", None)
        assert purge(batch=10, rest=0, progress=kill) == Purged(tombstones=1, finished=True)
        Effect.objects.create(pk=last)
        IdempotencyRecord.objects.filter(resource_id=last).update(resource_deleted_at=None, expires_at=None)


def test_each_run_leaves_a_line(database: Database) -> None:
    """REQ 26: when it ran and what it did; for a month."""
    rows(3)
    purge(rest=0)
    (line,) = IdempotencyPurge.objects.all()
    assert (line.expired, line.tombstones) == (3, 0)
    assert line.ended_at is not None
    assert abs(timezone.now() - line.ended_at) < timedelta(minutes=5)
    IdempotencyPurge.objects.update(began_at=timezone.now() - timedelta(days=31))
    purge(rest=0)
    assert IdempotencyPurge.objects.get().expired == 0


def test_it_tells_the_log(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """Counts, and no key."""
    (record, *_) = rows(3)
    with caplog.at_level("INFO", logger="django_idempotency"):
        purge(rest=0)
    assert "Purged 3 expired records, and made 0 tombstones." in caplog.text
    assert record.key not in caplog.text


@pytest.mark.databases("postgresql", "mariadb")
def test_it_waits_for_nobody(database: Database) -> None:
    """What another session holds is left for the next time, and nothing waits meanwhile."""
    held, *_ = rows(25)
    with transaction.atomic():
        IdempotencyRecord.objects.select_for_update().get(pk=held.pk)
        assert elsewhere(lambda: purge(batch=10, rest=0)) == Purged(expired=24, finished=True)
    assert left() == {held.key}
    assert purge(rest=0).expired == 1


@pytest.mark.databases("postgresql", "mariadb")
def test_tombstones_wait_for_nobody(database: Database) -> None:
    """The same for records whose object is gone."""
    held, *_ = bound_to(Effect.objects.bulk_create([Effect(label=str(n)) for n in range(25)]))
    Effect.objects.all()._raw_delete("default")
    with transaction.atomic():
        IdempotencyRecord.objects.select_for_update().get(pk=held.pk)
        assert elsewhere(lambda: purge(batch=10, rest=0)).tombstones == 24
    assert purge(rest=0).tombstones == 1


@pytest.mark.parametrize("url", ["/pay/", "/pay/leased/"])
def test_a_purge_while_an_expired_key_runs_again(database: Database, url: str) -> None:
    """REQ 1, 12: once: the purge neither takes the new claim away nor waits for its request."""
    post(url)
    IdempotencyRecord.objects.update(expires_at=PAST)
    if database.name != "sqlite":  # which has one writer: the request, until it has finished
        MEANWHILE.append(lambda: elsewhere(lambda: purge(rest=0)))
    again = post(url)
    assert (again.status_code, REPLAYED in again.headers, effects()) == (201, False, 2)
    purge(rest=0)
    retry = post(url)
    assert (retry.content, retry.headers[REPLAYED], effects()) == (again.content, "true", 2)


def test_two_at_once_do_no_harm(database: Database) -> None:
    """Each record is removed once, and counted once, by whichever comes first."""
    rows(400)
    (kept,) = rows(1, expires_at=None)
    barrier = Barrier(2)

    def run(_: int) -> Purged:
        barrier.wait(PATIENCE)
        try:
            return purge(batch=20, rest=0)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, range(2)))
    assert sum(each.expired for each in done) + purge(rest=0).expired == 400
    assert left() == {kept.key}


def test_a_key_that_was_purged_is_new(database: Database) -> None:
    """REQ 19: like one that nobody has used."""
    first = json.loads(post("/pay/").content)
    IdempotencyRecord.objects.update(expires_at=PAST)
    purge(rest=0)
    assert json.loads(post("/pay/").content) != first
    assert effects() == 2


def test_one_id_in_two_databases(database: Database) -> None:
    """REQ 20: where a batch ends between two objects of one id, in two databases, neither is passed over."""
    bound = {("1", "archive"), ("1", "default"), ("2", "default")}
    for id, place in sorted(bound):
        rows(1, expires_at=None, resource_type="app.effect", resource_id=id, resource_database=place)
    found = [place for _, places in bound_objects("default", ("", ""), 1) for place in places]
    assert set(found) == bound
