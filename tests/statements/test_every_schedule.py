"""
Equal requests at once, in every order of their statements.

Two of them: all orders that the database does not block. Three, and two whose lease ends at any moment: all with up
to so many switches, where one goes on although the one before it could have. Where one waits for a lock of the
database, and that is asked of the database, the others go on.

Not on SQLite: it has one writer, and a duplicate waits for it inside BEGIN, so there is nothing to interleave.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.databases import LONG
from tests.faults.server import POLICIES
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import post
from tests.rig import Database
from tests.statements.desk import EXPIRED, FRESH, LAPSED
from tests.statements.schedules import Explorer, Schedule

pytestmark = [
    pytest.mark.urls(__name__),
    pytest.mark.databases(*(["postgresql", "mariadb"] if LONG else ["postgresql"])),
]

logger = logging.getLogger(__name__)

PAST = timedelta(days=1)


def pay(request: HttpRequest) -> HttpResponse:
    """Leave one effect. No two executions answer alike."""
    effect = Effect.objects.create(label=request.headers["Idempotency-Key"])
    return JsonResponse({"id": effect.pk, "token": secrets.token_hex(8)}, status=201)


urlpatterns = [path(f"{name}/", idempotent(POLICIES[name])(pay)) for name in ("atomic", "fail", "retry")]


@dataclass(frozen=True, slots=True)
class Meeting:
    """
    Who meets, and what is there already.

    Attributes:
        before: nothing, an expired record, or the claim of a worker that was lost.
        switches: see `Explorer.explore`.
        lapses: whether the lease of whoever holds it ends at some moment.
    """

    guard: str
    before: str = FRESH
    requests: int = 2
    switches: int | None = None
    lapses: bool = False

    def __str__(self) -> str:
        bound = "" if self.switches is None else f" {self.switches} switches"
        return f"{self.requests} {self.guard} {self.before}{' lapses' * self.lapses}{bound}"


SWITCHES = 3 if LONG else 2
MEETINGS = [
    Meeting("atomic"),
    Meeting("atomic", EXPIRED),
    Meeting("fail"),
    Meeting("fail", EXPIRED),
    Meeting("retry", LAPSED),
    Meeting("atomic", requests=3, switches=SWITCHES),
    Meeting("atomic", EXPIRED, requests=3, switches=SWITCHES),
    Meeting("fail", requests=3, switches=SWITCHES - 1),
    Meeting("retry", LAPSED, requests=3, switches=SWITCHES - 1),
    Meeting("fail", lapses=True, switches=SWITCHES),
    Meeting("retry", lapses=True, switches=SWITCHES),
]


class Keys:
    """A new key for each schedule, and what is there under it."""

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting
        self.key = ""

    def actors(self) -> list[Callable[[], Any]]:
        self.key = uuid4().hex
        if self.meeting.before != FRESH:
            self._prepare()
        lapse = [partial(self.lapse, self.key)] if self.meeting.lapses else []
        return [*[partial(self.post, self.key)] * self.meeting.requests, *lapse]

    def post(self, key: str) -> HttpResponse:
        return post(f"/{self.meeting.guard}/", key)

    def lapse(self, key: str) -> None:
        """Let the lease of the moment be over: the row moves, and no clock does."""
        held = IdempotencyRecord.objects.filter(key=key, state="in_progress")
        held.update(lease_expires_at=timezone.now() - PAST)

    @property
    def effects(self) -> int:
        return Effect.objects.filter(label=self.key).count()

    def _prepare(self) -> None:
        assert self.post(self.key).status_code == 201
        changes: dict[str, Any] = {"expires_at": timezone.now() - PAST}
        if self.meeting.before == LAPSED:
            changes = {"state": "in_progress", "response_status": None, "response_body": None}
            changes |= {"completed_at": None, "lease_expires_at": timezone.now() - PAST}
        IdempotencyRecord.objects.filter(key=self.key).update(**changes)
        Effect.objects.filter(label=self.key).delete()


@pytest.fixture
def explorer(database: Database, meeting: Meeting) -> Iterator[Explorer]:
    explorer = Explorer(database.connect(), meeting.requests + meeting.lapses)
    yield explorer
    explorer.close()


@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
def test_in_every_order(explorer: Explorer, meeting: Meeting) -> None:
    """REQ 1, REQ 11: One runs; all others get its bytes, or are told to come again and then get them."""
    keys = Keys(meeting)
    played: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for schedule in explorer.explore(keys.actors, meeting.switches):
        played[str(schedule)] += 1
        answers = schedule.results[: meeting.requests]
        ends.update(map(end, answers))
        check(keys, answers, schedule)
    logger.info("%s: %s schedules, %s", meeting, played.total(), dict(ends))
    assert max(played.values()) == 1
    # Some came while the first one ran, others afterwards: it was not one and the same order again and again.
    # Of two requests of three messages each, one of which often ends early, there are no more orders than these.
    assert played.total() >= (12 if str(meeting) == "2 atomic fresh" else 20)
    assert {"ran", "replayed", "409"} <= set(ends)


def end(answer: HttpResponse) -> str:
    if answer.status_code == 201:
        return "replayed" if REPLAYED in answer.headers else "ran"
    return str(answer.status_code)


def check(keys: Keys, answers: list[HttpResponse], schedule: Schedule) -> None:
    """Hold the end of one schedule to the promise."""
    told = str(schedule)
    assert keys.effects == 1, told
    assert [end(answer) for answer in answers].count("ran") == 1, told
    last = keys.post(keys.key)
    assert (end(last), keys.effects) == ("replayed", 1), told
    for answer in answers:
        if answer.status_code == 201:
            assert answer.content == last.content, told
            continue
        assert answer.status_code in (409, 503), told
        unknown = b'"code": "outcome_unknown"' in answer.content
        assert unknown == ("Retry-After" not in answer.headers), told
        if unknown:  # only where its lease has ended under whoever runs
            assert (keys.meeting.guard, keys.meeting.lapses) == ("fail", True), told
