"""The row "purge at any moment": it never takes what is in flight or unknown, nor what is inside its retention."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency import Mode, bind
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from django_idempotency.purge import purge
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, post, records
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

LEASED = POLICY.but(mode=Mode.LEASED)
SOON = timedelta(minutes=1)
# Not this very moment: the clock of SQLite tells milliseconds only.
JUST_OVER = timedelta(seconds=-1)

# What happens while the next handler runs.
MEANWHILE: list[Callable[[], object]] = []


def pay(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="paid")
    bind(effect)
    if MEANWHILE:
        MEANWHILE.pop()()
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [path("atomic/", idempotent(POLICY)(pay)), path("leased/", idempotent(LEASED)(pay))]
FACES = pytest.mark.parametrize("face", ["/atomic/", "/leased/"])


@pytest.fixture(autouse=True)
def _quiet() -> None:
    MEANWHILE.clear()


def expire(after: timedelta = JUST_OVER) -> None:
    """Let every lifetime end so much later: the rows move, and no clock does."""
    IdempotencyRecord.objects.update(expires_at=timezone.now() + after)


def as_another_worker_does() -> None:
    def act() -> None:
        purge(rest=0.0)
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(act).result()


@FACES
def test_what_may_still_be_asked_for(database: Database, face: str) -> None:
    """REQ 12: until the last minute of its lifetime a record is there, and answers; after it the key is new."""
    first = post(face)
    expire(after=SOON)
    assert purge(rest=0.0).expired == 0
    assert_replays(face, first)
    expire()
    assert purge(rest=0.0).expired == 1
    assert records() == 0
    assert REPLAYED not in post(face).headers
    assert effects() == 2


@pytest.mark.parametrize(
    ("state", "code"), [("in_progress", b"idempotency_in_progress"), ("unknown", b"outcome_unknown")]
)
def test_what_is_not_finished(database: Database, state: str, code: bytes) -> None:
    """REQ 12: what a lost worker has left is kept, however old it is and whether its object is there or not."""
    post("/leased/")
    Effect.objects.all().delete()
    left: dict[str, Any] = {"response_status": None, "response_body": None, "completed_at": None}
    IdempotencyRecord.objects.update(state=state, lease_expires_at=timezone.now() + SOON, **left)
    expire(after=timedelta(days=-400))
    before = IdempotencyRecord.objects.values().get()
    done = purge(rest=0.0)
    assert (done.expired, done.tombstones) == (0, 0)
    assert IdempotencyRecord.objects.values().get() == before
    refused = post("/leased/")
    assert refused.status_code == 409
    assert code in refused.content
    assert effects() == 0


@pytest.mark.databases("postgresql", "mariadb")
@FACES
def test_while_a_handler_runs(database: Database, face: str) -> None:
    """REQ 12, 20: a request in flight, whose object nobody else can see yet, is answered and replayed like any other."""
    MEANWHILE.append(as_another_worker_does)
    first = post(face)
    assert first.status_code == 201
    assert not MEANWHILE
    assert_replays(face, first)
