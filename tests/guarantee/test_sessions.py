"""The session of a guarded request is ended by the server, at each point of the request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress

import pytest
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IETF, KeySyntax
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.desk import POLICY, assert_replays, assert_unavailable, effects, post, records
from tests.guarantee.moments import after_the_store, before_the_store, end_session, session
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql", "mariadb")]

# What happens to the next request that comes by; the one after it is spared.
ORDERS: list[str] = []


def work(retry: Callable[[], object]) -> dict[str, int]:
    """Leave two effects, and lose the session where the test has ordered it."""
    order = ORDERS.pop() if ORDERS else ""
    first = Effect.objects.create(label="first")
    mine = session() if order else 0
    if order in ("between two writes", "between two writes, unnoticed"):
        end_session(mine)
    elif order == "before the store":
        before_the_store(lambda: end_session(mine))
    elif order == "after the store":
        after_the_store(lambda: end_session(mine))
    elif order == "overtaken":
        overtake(mine, retry)
    elif order == "overtaken at the store":
        before_the_store(lambda: overtake(mine, retry))
    elif order == "overtaken at COMMIT":
        after_the_store(lambda: overtake(mine, retry))
    with suppress(Error) if order.endswith("unnoticed") else nullcontext():
        Effect.objects.create(label="second")
    return {"first": first.pk}


def overtake(mine: int, retry: Callable[[], object]) -> None:
    """End this session, and let the retry run elsewhere, to its end."""
    end_session(mine)

    def run() -> None:
        retry()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


@idempotent(POLICY)
def decorated(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work(lambda: post(request.path)), status=201)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(lambda: post(request.path)), status=201)


class StoresErrors(Mixed):
    idempotency_policy = IETF.but(scope=POLICY.scope, syntax=KeySyntax.LENIENT)


urlpatterns = [
    path("decorated/", decorated),
    path("mixin/", Mixed.as_view()),
    path("stores-errors/", StoresErrors.as_view()),
]

FACES = ["/decorated/", "/mixin/", "/stores-errors/"]
BEFORE_COMMIT = ["between two writes", "between two writes, unnoticed", "before the store"]


@pytest.fixture(autouse=True)
def _spared() -> None:
    ORDERS.clear()


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("moment", [*BEFORE_COMMIT, "after the store"])
def test_a_lost_session_is_a_503_and_the_retry_runs(database: Database, face: str, moment: str) -> None:
    """REQ 24: Wherever the session is lost, the answer is 503 with Retry-After, all is undone, and the key is free."""
    ORDERS.append(moment)
    assert_unavailable(post(face))
    assert not ORDERS
    assert (effects(), records()) == (0, 0)
    first = post(face)
    assert first.status_code == 201
    assert (effects(), records()) == (2, 1)
    assert_replays(face, first)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("moment", BEFORE_COMMIT)
def test_also_in_the_transaction_of_the_request(database: Database, face: str, moment: str) -> None:
    """REQ 24: The same where the project runs each request in a transaction."""
    database.reconfigure(ATOMIC_REQUESTS=True)
    ORDERS.append(moment)
    assert_unavailable(post(face))
    assert not ORDERS
    assert (effects(), records()) == (0, 0)
    assert post(face).status_code == 201
    assert (effects(), records()) == (2, 1)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("moment", ["overtaken", "overtaken at the store", "overtaken at COMMIT"])
def test_who_lost_the_session_answers_with_the_winner(database: Database, face: str, moment: str) -> None:
    """REQ 8: A worker whose session ended, and whose retry was carried out meanwhile, gives the retry's answer."""
    ORDERS.append(moment)
    answer = post(face)
    assert not ORDERS
    assert (effects(), records()) == (2, 1)
    assert answer.status_code == 201
    assert json.loads(answer.content) == {"first": Effect.objects.get(label="first").pk}
    assert_replays(face, answer)


def test_the_next_request_gets_a_new_session(database: Database) -> None:
    """REQ 24: A lost session is not used again by the thread that lost it."""
    connection.ensure_connection()
    ORDERS.append("before the store")
    assert_unavailable(post("/decorated/"))
    assert [post("/decorated/", key=key).status_code for key in ("key-2", "key-3")] == [201, 201]
