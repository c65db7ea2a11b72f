"""Resolving by hand: what was seen, and nothing else, and never without a line."""

from __future__ import annotations

import json

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import bind
from django_idempotency.exceptions import ResolutionRefused
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from django_idempotency.resolution import complete, release
from tests.app.models import Effect
from tests.leased.desk import OUTSIDE, abandoned, code, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)


def bound(request: HttpRequest) -> HttpResponse:
    bind(Effect.objects.create(label="charge"))
    return JsonResponse({}, status=201)


urlpatterns = [path("fail/", leased()), path("bound/", leased(view=bound))]


@pytest.fixture(autouse=True)
def _unknown(database: Database) -> None:
    OUTSIDE.clear()
    post("/fail/")
    abandoned()


def lines() -> list[tuple[str, str, str, int]]:
    return list(IdempotencyAudit.objects.values_list("action", "who", "why", "attempt"))


def test_as_not_done(database: Database) -> None:
    """REQ 26: released, the next request with the key runs; the line says who, when and why."""
    seen = record()
    release(seen, who="ops@example.com", why="The provider knows no such charge.")
    assert IdempotencyRecord.objects.count() == 0
    assert lines() == [("released", "ops@example.com", "The provider knows no such charge.", 1)]
    line = IdempotencyAudit.objects.get()
    assert (line.record, line.endpoint, line.scope) == (seen.pk, seen.endpoint, seen.scope)
    assert line.at is not None
    assert post("/fail/").status_code == 201
    assert Effect.objects.count() == 1


def test_as_done(database: Database) -> None:
    """REQ 26: completed, the key is answered with the response that was found to be right."""
    complete(record(), JsonResponse({"id": 7}, status=201), who="ops", why="Charged; see ticket 7.")
    answer = post("/fail/")
    assert (answer.status_code, json.loads(answer.content)) == (201, {"id": 7})
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert (lines()[0][0], len(OUTSIDE)) == ("completed", 1)


def test_as_done_where_what_it_bound_was_undone(database: Database) -> None:
    """REQ 20, REQ 26: a handler shows early what it makes, and that may be rolled back: then nothing was deleted."""
    post("/bound/", key="key-2")
    abandoned("key-2")
    seen = IdempotencyRecord.objects.get(key="key-2")
    assert seen.resource_type == "app.effect"
    complete(seen, JsonResponse({"id": 7}, status=201), who="ops", why="Charged; see ticket 7.")
    answer = post("/bound/", key="key-2")
    assert (answer.status_code, json.loads(answer.content)) == (201, {"id": 7})


def test_what_changed_meanwhile_is_left_alone(database: Database) -> None:
    """REQ 26: a compare-and-set on the state seen: another attempt, a release or a result since then is not undone."""
    seen = record()
    IdempotencyRecord.objects.update(attempt=2, owner="0" * 32)
    with pytest.raises(ResolutionRefused, match="it is attempt 2 now"):
        release(seen, who="ops", why="Not done.")
    IdempotencyRecord.objects.update(attempt=seen.attempt, owner=seen.owner, state="completed")
    with pytest.raises(ResolutionRefused, match="It is completed"):
        complete(seen, JsonResponse({}), who="ops", why="Done.")
    IdempotencyRecord.objects.all().delete()
    with pytest.raises(ResolutionRefused, match="gone"):
        release(seen, who="ops", why="Not done.")
    assert lines() == []


def test_what_is_in_flight_is_left_alone(database: Database) -> None:
    """REQ 26: a lease that still runs belongs to its worker; the refusal says so."""
    IdempotencyRecord.objects.update(lease_expires_at=record().expires_at)
    with pytest.raises(ResolutionRefused, match="in flight"):
        release(record(), who="ops", why="Not done.")
    assert code(post("/fail/")) == (409, "idempotency_in_progress")


def test_two_resolve_at_once(database: Database) -> None:
    """REQ 26: of two people who saw the same, one is told that the other was first."""
    first, second = record(), record()
    complete(first, JsonResponse({"id": 1}, status=201), who="one", why="Charged.")
    with pytest.raises(ResolutionRefused):
        release(second, who="two", why="Not charged.")
    assert [line[1] for line in lines()] == ["one"]


@pytest.mark.parametrize(("who", "why"), [("", "because"), ("ops", " ")])
def test_nobody_and_nothing_is_no_reason(database: Database, who: str, why: str) -> None:
    """REQ 26: an audit line that says nothing is refused, and nothing is done."""
    with pytest.raises(ValueError, match="Say who does it"):
        release(record(), who=who, why=why)
    assert IdempotencyRecord.objects.count() == 1


def test_an_audit_line_says_who(database: Database) -> None:
    """An audit line can be recognized in a list."""
    release(record(), who="ops", why="Not done.")
    assert str(IdempotencyAudit.objects.get()) == "released by ops"


@pytest.mark.databases("postgresql", "mariadb")
def test_a_worker_that_commits_just_now_is_left_alone(database: Database) -> None:
    """REQ 26: a row that its worker has locked is about to be completed; nobody waits for that, or undoes it."""
    seen, worker = record(), database.connect()
    with worker.cursor() as cursor:
        worker.set_autocommit(False)
        cursor.execute("UPDATE idempotency_record SET state = 'completed'")
        with pytest.raises(ResolutionRefused, match="about to commit"):
            release(seen, who="ops", why="Not done.")
    worker.rollback()
    release(seen, who="ops", why="Not done.")
    assert [line[0] for line in lines()] == ["released"]
