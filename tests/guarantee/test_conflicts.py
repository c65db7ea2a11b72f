"""Transactions that the database undoes to let another one pass: deadlocks, and levels above READ COMMITTED."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, post, records
from tests.guarantee.gate import PATIENCE
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql", "mariadb")]

CROWD = 8
ROUNDS = 5
MEETINGS: list[threading.Barrier] = []
# What happens once the next request has looked at the database.
BEFORE: list[Callable[[], object]] = []


def work(data: Any) -> dict[str, Any]:
    """Add to one account, and then to another; who meets somebody in between goes on together with them."""
    made = Effect.objects.create(label="made")
    accounts = Effect.objects.filter(label="account")
    for place, pk in enumerate(data.get("accounts", [])):
        if place and MEETINGS:
            MEETINGS[0].wait(PATIENCE)
        accounts.filter(pk=pk).update(amount=F("amount") + 1)
    return {"id": made.pk}


@idempotent(POLICY)
def decorated(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work(json.loads(request.body)), status=201)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(request.data), status=201)


def after_a_look(view: Any) -> Any:
    """Take the snapshot of the request's transaction before the view, as a look at the caller's token would."""

    def look(request: HttpRequest) -> HttpResponse:
        assert not Token.objects.exists()
        if BEFORE:
            BEFORE.pop()()
        response: HttpResponse = view(request)
        return response

    return csrf_exempt(look)


urlpatterns = [
    path("decorated/", decorated),
    path("mixin/", Mixed.as_view()),
    path("late/decorated/", after_a_look(decorated)),
    path("late/mixin/", after_a_look(Mixed.as_view())),
]
FACES = pytest.mark.parametrize("face", ["/decorated/", "/mixin/"])


@pytest.fixture(autouse=True)
def _alone() -> None:
    MEETINGS.clear()
    BEFORE.clear()


def at_once(face: str, requests: list[dict[str, Any]]) -> list[HttpResponse]:
    barrier = threading.Barrier(len(requests))

    def send(request: dict[str, Any]) -> HttpResponse:
        barrier.wait(PATIENCE)
        try:
            return post(face, **request)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


@FACES
def test_a_deadlock_is_the_handlers_failure(atomic_requests: bool, face: str) -> None:
    """REQ 8: Who loses a deadlock is undone and fails as any handler does; its key is free, and the retry runs."""
    one, two = (Effect.objects.create(label="account").pk for _ in range(2))
    bodies: list[dict[str, Any]] = [
        {"key": "a", "accounts": [one, two]},
        {"key": "b", "accounts": [two, one]},
    ]
    MEETINGS.append(threading.Barrier(2))
    answers = at_once(face, bodies)
    MEETINGS.clear()
    assert sorted(answer.status_code for answer in answers) == [201, 500]
    assert list(Effect.objects.filter(label="account").values_list("amount", flat=True)) == [1, 1]
    assert (effects(), records()) == (3, 1)
    for body, answer in zip(bodies, answers, strict=True):
        retry = post(face, **body)
        assert retry.status_code == 201
        assert (REPLAYED in retry.headers) == (answer.status_code == 201)
    assert list(Effect.objects.filter(label="account").values_list("amount", flat=True)) == [2, 2]
    assert (effects(), records()) == (4, 2)


@FACES
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_equal_requests_at_a_stricter_level(
    database: Database, atomic_requests: bool, face: str, isolation: str
) -> None:
    """REQ 29: Above READ COMMITTED, too, equal requests at once have one effect, and none is answered with a 500."""
    database.reconfigure(isolation=isolation)
    for number in range(1, ROUNDS + 1):
        answers = at_once(face, [{"key": f"key-{number}"}] * CROWD)
        assert {answer.status_code for answer in answers} <= {201, 409, 503}
        for answer in answers:
            assert (answer.status_code == 201) == ("Retry-After" not in answer.headers)
        final = post(face, key=f"key-{number}")
        assert final.status_code == 201
        assert {answer.content for answer in answers if answer.status_code == 201} <= {final.content}
        assert (effects(), records()) == (number, number)


@FACES
@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_snapshot_from_before_the_first_request(database: Database, face: str, isolation: str) -> None:
    """REQ 29: A transaction that began before the key was used does not see its record: still one effect, no 500."""
    database.reconfigure(isolation=isolation, ATOMIC_REQUESTS=True)
    BEFORE.append(lambda: at_once(f"/late{face}", [{}]))
    late = post(f"/late{face}")
    assert not BEFORE
    assert late.status_code in (201, 409, 503)
    assert (effects(), records()) == (1, 1)
    replay = post(f"/late{face}")
    assert (replay.status_code, replay.headers[REPLAYED]) == (201, "true")
    assert_replays(f"/late{face}", replay)
