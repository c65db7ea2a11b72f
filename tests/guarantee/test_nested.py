"""Guards within guards: a view that is guarded twice, and a guarded view that calls another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import BodyField
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee import desk
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, records

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]

RAN: list[str] = []
INNER = POLICY.but(endpoint="inner")


def leave(label: str) -> dict[str, int]:
    RAN.append(label)
    return {"id": Effect.objects.create(label=label).pk}


class MixedAndDecorated(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    @method_decorator(idempotent(POLICY))
    def post(self, request: Request) -> Response:
        return Response(leave("twice"), status=201)


@api_view(["POST"])
@idempotent(POLICY)
@idempotent(POLICY)
def decorated_twice(request: Request) -> Response:
    return Response(leave("twice"), status=201)


def inner(request: HttpRequest) -> HttpResponse:
    body = leave("inner")
    match data(request).get("inner"):
        case "raises":
            raise IntegrityError("of its own")
        case "breaks":
            with connection.cursor() as cursor:
                cursor.execute("SELECT no_such_column FROM app_effect")
        case "undoes":
            transaction.set_rollback(True)
        case "refuses":
            return JsonResponse(body, status=400)
    return JsonResponse(body, status=201)


def data(request: HttpRequest) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(request.body)
    return parsed


@idempotent(POLICY)
def outer(request: HttpRequest) -> HttpResponse:
    """Call another guarded view of the same key; its name makes it another endpoint."""
    return around(request, idempotent(INNER)(inner))


@idempotent(POLICY)
def outer_of_storing(request: HttpRequest) -> HttpResponse:
    """The same, with a policy that stores refusals, and so takes a savepoint of its own."""
    return around(request, idempotent(INNER.but(stored_errors=frozenset({404})))(inner))


@idempotent(POLICY)
def outer_with_another_key(request: HttpRequest) -> HttpResponse:
    """The inner one is the same endpoint, and has a key of its own."""
    return around(request, idempotent(POLICY.but(keys=(BodyField("inner_key"),)))(inner))


def around(request: HttpRequest, called: Any) -> HttpResponse:
    before = leave("before")
    try:
        status = called(request).status_code
    except Exception as error:
        status = type(error).__name__
    leave("after")
    if data(request).get("outer") == "refuses":
        return JsonResponse({}, status=400)
    if data(request).get("outer") == "raises":
        raise RuntimeError("out of paper")
    return JsonResponse({**before, "inner": status}, status=201)


urlpatterns = [
    path("mixed/", MixedAndDecorated.as_view()),
    path("decorated/", decorated_twice),
    path("outer/", outer),
    path("outer-of-storing/", outer_of_storing),
    path("outer-with-another-key/", outer_with_another_key),
    path("inner/", idempotent(INNER)(inner)),
]
OUTERS = ["/outer/", "/outer-of-storing/", "/outer-with-another-key/"]


def post(face: str, **sent: Any) -> HttpResponse:
    return desk.post(face, **sent, inner_key="key-2")


@pytest.fixture(autouse=True)
def _ran() -> None:
    RAN.clear()


@pytest.mark.parametrize("face", ["/mixed/", "/decorated/"])
def test_a_view_that_is_guarded_twice_runs_once(face: str) -> None:
    """REQ 1: Mixin and decorator on one view are one guard: one record, one effect, one replay."""
    first = post(face)
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    assert (effects(), records()) == (1, 1)
    assert_replays(face, first, inner_key="key-2")
    assert RAN == ["twice"]


@pytest.mark.parametrize("face", OUTERS)
def test_a_guarded_view_calls_another(face: str) -> None:
    """REQ 2: Both keys are stored with one COMMIT; a retry of the outer request calls nothing."""
    first = post(face)
    assert json.loads(first.content)["inner"] == 201
    assert (effects(), records()) == (3, 2)
    assert_replays(face, first, inner_key="key-2")
    assert RAN == ["before", "inner", "after"]


@pytest.mark.parametrize("face", OUTERS)
@pytest.mark.parametrize(
    ("fails", "answer"),
    [
        ("raises", "IntegrityError"),
        ("breaks", None),
        ("refuses", 400),
        ("undoes", "TransactionManagementError"),
    ],
)
def test_the_failure_of_the_inner_is_its_own(face: str, fails: str, answer: object) -> None:
    """REQ 2: What the inner one did is undone and its key free; the outer one goes on, and is stored."""
    first = post(face, inner=fails)
    assert first.status_code == 201
    assert answer in (None, json.loads(first.content)["inner"])
    assert sorted(Effect.objects.values_list("label", flat=True)) == ["after", "before"]
    assert records() == 1
    assert_replays(face, first, inner_key="key-2", inner=fails)


@pytest.mark.parametrize("face", OUTERS)
@pytest.mark.parametrize(("fails", "status"), [("refuses", 400), ("raises", 500)])
def test_the_failure_of_the_outer_takes_the_inner_with_it(face: str, fails: str, status: int) -> None:
    """REQ 2: An inner answer that was stored is forgotten when the outer request is undone."""
    assert post(face, outer=fails).status_code == status
    assert (effects(), records()) == (0, 0)
    assert json.loads(post(face).content)["inner"] == 201
    assert (effects(), records()) == (3, 2)


def test_the_inner_key_may_have_been_answered_before() -> None:
    """REQ 3: An inner call whose key was answered earlier is a replay, within the outer request too."""
    post("/inner/")
    first = post("/outer/")
    # The inner endpoint is the same, its path is not: the key was used for another target.
    assert json.loads(first.content)["inner"] == 422
    assert sorted(Effect.objects.values_list("label", flat=True)) == ["after", "before", "inner"]
    assert_replays("/outer/", first, inner_key="key-2")
