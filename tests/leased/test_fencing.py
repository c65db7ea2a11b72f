"""A claim that is lost while its handler runs: whoever comes late writes nothing, and answers with the winner's."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency import NothingHappened, Unknown, bind, extend
from django_idempotency.claims import claims_for
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.moments import after_the_first_read
from tests.leased.desk import LEASED, OUTSIDE, code, lapse, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

# What happens while the next handler runs, and nothing after that.
MEANWHILE: list[Callable[[], object]] = []


def elsewhere(action: Callable[[], Any]) -> Any:
    """Do something as another worker does it: over a session of its own."""

    def act() -> Any:
        try:
            return action()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(act).result()


def work(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append("called")
    if MEANWHILE:
        MEANWHILE.pop()()
    effect = Effect.objects.create(label="charge")
    return JsonResponse({"id": effect.pk, "charge": len(OUTSIDE)}, status=201)


def work_and_extend(request: HttpRequest) -> HttpResponse:
    response = work(request)
    extend(600)
    return response


def bind_early(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="run")
    bind(effect)
    if MEANWHILE:
        MEANWHILE.pop()()
    return JsonResponse({"id": effect.pk}, status=201)


def fail_then_refuse(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append("called")
    if len(OUTSIDE) == 1:
        raise IntegrityError("half way through")
    raise NothingHappened


def end_late(request: HttpRequest) -> HttpResponse:
    """End as the body asks for, when the claim has gone to a successor."""
    response = work(request)
    end = json.loads(request.body)["end"]
    if isinstance(end, int):
        return JsonResponse({}, status=end)
    if end == "raises":
        raise RuntimeError("half way through")
    if end == "says that nothing happened":
        raise NothingHappened
    return response


def fail_at_commit(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append("called")
    transaction.on_commit(lambda: OUTSIDE.append("committed"))
    raise IntegrityError("a constraint")


def point(request: HttpRequest, found: IdempotencyRecord) -> HttpResponse:
    return JsonResponse({"running": found.resource_id}, status=202, headers={"Location": "/runs/"})


RETRIES = LEASED.but(on_unknown=Unknown.RETRY)
urlpatterns = [
    path("fail/", leased(view=work)),
    path("retry/", leased(RETRIES, work)),
    path("ask/", leased(view=work)),
    path("refuses/", leased(RETRIES, fail_then_refuse)),
    path("extend/", leased(RETRIES, work_and_extend)),
    path("bound/", leased(LEASED.but(pointer=point), bind_early)),
    path("late/", leased(RETRIES, end_late)),
    path("constraint/", leased(view=fail_at_commit)),
]

not_sqlite = pytest.mark.databases("postgresql", "mariadb")


@pytest.fixture(autouse=True)
def _clean() -> None:
    OUTSIDE.clear()
    MEANWHILE.clear()


def overtake(path: str) -> Any:
    """The lease ends while the handler runs, and a retry takes its claim over."""
    answers: list[Any] = []

    def happen() -> None:
        elsewhere(lapse)
        answers.append(elsewhere(lambda: post(path)))

    MEANWHILE.append(happen)
    late = post(path)
    return late, *answers


@not_sqlite
@pytest.mark.parametrize("path", ["/retry/", "/extend/"])
def test_a_zombie_answers_with_the_winners_response(database: Database, path: str) -> None:
    """PROTOCOL: 0 rows updated: the late worker's writes are undone, and it answers with the winner's response."""
    late, winner = overtake(path)
    assert winner.status_code == 201
    assert (late.status_code, late.content) == (201, winner.content)
    assert late.headers["Idempotent-Replayed"] == "true"
    assert (Effect.objects.count(), len(OUTSIDE), record().attempt) == (1, 2, 2)


def take_over() -> None:
    """Begin another attempt, which runs on for a minute."""
    lapse()
    seen = record()
    assert seen.owner is not None
    with connection.cursor() as cursor:
        leases = claims_for(connection.vendor).leases
        assert leases.take(cursor, seen.pk, seen.owner.hex, uuid4().hex, 60.0)


@not_sqlite
@pytest.mark.parametrize(
    ("end", "status"),
    [("raises", 500), ("says that nothing happened", 503), (402, 402), (500, 500), ("well", 503)],
)
def test_a_late_worker_leaves_the_claim_of_its_successor_alone(
    database: Database, end: Any, status: int
) -> None:
    """REQ 8: however it ends, it neither frees nor finishes what its successor is at, nor says that it is unknown."""
    held: list[Any] = []

    def happen() -> None:
        elsewhere(take_over)
        held.append(elsewhere(lambda: IdempotencyRecord.objects.values().get()))

    MEANWHILE.append(happen)
    assert post("/late/", end=end).status_code == status
    assert [IdempotencyRecord.objects.values().get()] == held
    assert code(post("/late/", end=end)) == (409, "idempotency_in_progress")
    assert (Effect.objects.count(), len(OUTSIDE)) == (0, 1)


@not_sqlite
def test_a_zombie_whose_claim_was_released(database: Database) -> None:
    """PROTOCOL: a claim that was resolved by hand is not ours any more: nothing is committed under it."""
    MEANWHILE.append(lambda: elsewhere(IdempotencyRecord.objects.all().delete))
    assert code(post("/fail/")) == (503, "idempotency_unavailable")
    assert (Effect.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


@not_sqlite
def test_a_lease_that_nobody_took_over_still_completes(database: Database) -> None:
    """PROTOCOL: with on_unknown=FAIL a slow worker finishes what nobody else has touched."""
    refused: list[Any] = []

    def happen() -> None:
        elsewhere(lapse)
        refused.append(elsewhere(lambda: post("/fail/")))

    MEANWHILE.append(happen)
    first = post("/fail/")
    assert code(refused[0]) == (409, "outcome_unknown")
    assert (first.status_code, post("/fail/").content) == (201, first.content)
    assert Effect.objects.count() == 1


@not_sqlite
def test_extend_is_seen_at_once(database: Database) -> None:
    """PROTOCOL: extend() moves the end of the lease before anything else is committed, for any length or a lease's."""
    lapsed: list[bool] = []

    def others_see() -> bool:
        return elsewhere(lambda: code(post("/ask/"))) == (409, "outcome_unknown")

    def watch() -> None:
        elsewhere(lapse)
        lapsed.append(others_see())
        extend(600)
        lapsed.append(others_see())
        elsewhere(lapse)
        extend()
        lapsed.append(others_see())

    MEANWHILE.append(watch)
    assert post("/ask/").status_code == 201
    assert lapsed == [True, False, False]


@not_sqlite
def test_a_duplicate_in_flight_is_pointed_to_what_is_under_way(database: Database) -> None:
    """REQ 11: once the handler has bound its resource, a duplicate is told where to look, and does not run."""
    answers: list[Any] = []
    MEANWHILE.append(lambda: answers.append(elsewhere(lambda: post("/bound/"))))
    first = post("/bound/")
    (pointer,) = answers
    assert (pointer.status_code, pointer.headers["Location"]) == (202, "/runs/")
    assert json.loads(pointer.content) == {"running": str(json.loads(first.content)["id"])}
    assert post("/bound/").content == first.content
    assert Effect.objects.count() == 1


@not_sqlite
def test_another_body_is_not_pointed_anywhere(database: Database) -> None:
    """REQ 6: the pointer is for the same request."""
    answers: list[Any] = []
    MEANWHILE.append(lambda: answers.append(elsewhere(lambda: post("/bound/", other=True))))
    post("/bound/")
    assert code(answers[0]) == (422, "idempotency_conflict")


@not_sqlite
def test_two_retries_race_for_an_abandoned_claim(database: Database) -> None:
    """PROTOCOL: one compare-and-set wins."""
    post("/retry/")
    IdempotencyRecord.objects.update(state="in_progress", response_body=None, completed_at=None)
    lapse()
    others: list[Any] = []
    MEANWHILE.append(lambda: others.append(elsewhere(lambda: post("/retry/"))))
    winner = post("/retry/")
    assert winner.status_code == 201
    assert code(others[0]) == (409, "idempotency_in_progress")
    assert record().attempt == 2


def test_a_sign_of_life_after_the_lease(database: Database) -> None:
    """PROTOCOL: a worker that extends its lease just before the take-over keeps its claim."""
    post("/retry/")
    IdempotencyRecord.objects.update(state="in_progress", response_body=None, completed_at=None)
    lapse()
    longer = timezone.now() + timedelta(minutes=1)
    extended = IdempotencyRecord.objects.filter(state="in_progress")
    after_the_first_read(lambda: elsewhere(lambda: extended.update(lease_expires_at=longer)))
    assert code(post("/retry/")) == (409, "idempotency_in_progress")
    assert (record().attempt, len(OUTSIDE)) == (1, 1)


def test_what_an_on_commit_hook_would_do_never_happens(database: Database) -> None:
    """PROTOCOL: an exception undoes the writes and the hooks, and leaves the outcome unknown."""
    assert post("/constraint/").status_code == 500
    assert (OUTSIDE, record().state) == (["called"], "unknown")


def test_sqlite_keeps_its_writer_for_as_long(database: Database) -> None:
    """On every database extend() and bind() do their part; on SQLite nobody could take the claim over meanwhile."""
    assert post("/extend/").status_code == 201
    assert post("/bound/").status_code == 201
    bound = IdempotencyRecord.objects.get(endpoint__contains="bound")
    assert (bound.resource_type, connection.vendor) == ("app.effect", database.vendor)


@not_sqlite
def test_who_fails_because_it_came_late_answers_with_the_winners_response(database: Database) -> None:
    """PROTOCOL: a late worker that trips over the winner's own rows has lost its claim, and is told the answer."""
    winner: list[Any] = []

    def happen() -> None:
        elsewhere(lapse)
        winner.append(elsewhere(lambda: post("/retry/")))
        raise IntegrityError("the winner's row")

    MEANWHILE.append(happen)
    late = post("/retry/")
    assert (late.status_code, late.content) == (201, winner[0].content)
    assert Effect.objects.count() == 1


def test_nothing_happened_again_does_not_say_what_happened_before(database: Database) -> None:
    """PROTOCOL: an attempt that did nothing cannot tell what the one before it did: the outcome stays unknown."""
    assert post("/refuses/").status_code == 500
    assert code(post("/refuses/")) == (503, "nothing_happened")
    assert (record().state, record().attempt) == ("unknown", 2)
    assert code(post("/refuses/", other=True)) == (422, "idempotency_conflict")
