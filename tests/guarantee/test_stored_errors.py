"""Policies that store refusals: the answer stays, its effects do not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IETF, STRIPE, KeySyntax
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, assert_unavailable, effects, post, records
from tests.statements.faults import fails

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]

RAN: list[str] = []
HOOKS: list[str] = []


class Teapot(exceptions.APIException):
    status_code = 409


RAISES: dict[str, Exception] = {
    "404": Http404("no such thing"),
    "403": PermissionDenied("no"),
    "409": Teapot("busy"),
    "400": exceptions.ValidationError({"amount": ["too much"]}),
    "bug": RuntimeError("out of paper"),
}


def work(data: Any) -> int:
    Effect.objects.create(label="paid")
    RAN.append("ran")
    transaction.on_commit(lambda: HOOKS.append("hook"))
    if "raises" in data:
        raise RAISES[data["raises"]]
    return int(data["status"])


def decorated(request: HttpRequest) -> HttpResponse:
    status = work(json.loads(request.body))
    return JsonResponse({"status": status, "run": len(RAN)}, status=status)


class Stripe(IdempotencyMixin, APIView):
    idempotency_policy = STRIPE.but(scope=POLICY.scope)

    def post(self, request: Request) -> Response:
        status = work(request.data)
        return Response({"status": status, "run": len(RAN)}, status=status)


class Ietf(Stripe):
    idempotency_policy = IETF.but(scope=POLICY.scope, syntax=KeySyntax.LENIENT)


urlpatterns = [
    path("stripe/", idempotent(Stripe.idempotency_policy)(decorated)),
    path("stripe-mixin/", Stripe.as_view()),
    path("ietf/", idempotent(Ietf.idempotency_policy)(decorated)),
    path("ietf-mixin/", Ietf.as_view()),
]
STRIPES, IETFS = ["/stripe/", "/stripe-mixin/"], ["/ietf/", "/ietf-mixin/"]


@pytest.fixture(autouse=True)
def _seen() -> None:
    RAN.clear()
    HOOKS.clear()


def cases(faces: list[str], *answers: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(face, answer, id=f"{face} {answer}".replace("'", ""))
        for face in faces
        for answer in answers
    ]


@pytest.mark.parametrize(
    ("face", "data"),
    [
        *cases(
            STRIPES, {"status": 402}, {"status": 409}, {"status": 500}, {"status": 503}, {"raises": "404"}
        ),
        *cases(STRIPES[1:], {"raises": "409"}),
        *cases(IETFS, {"status": 400}, {"status": 404}, {"status": 422}, {"raises": "404"}),
        *cases(IETFS[1:], {"raises": "400"}),
    ],
)
def test_a_stored_refusal_is_replayed_without_effects(face: str, data: dict[str, Any]) -> None:
    """REQ 10: A refusal that the policy stores is replayed to the byte; effects and hooks of its handler are gone."""
    first = post(face, **data)
    assert first.status_code == int(data.get("status") or data["raises"])
    assert REPLAYED not in first.headers
    assert (effects(), records(), HOOKS) == (0, 1, [])
    assert_replays(face, first, **data)
    assert RAN == ["ran"]
    other = post(face, status=201)
    assert other.status_code in (400, 422)
    assert b"idempotency_conflict" in other.content


@pytest.mark.parametrize(
    ("face", "data", "status"),
    [
        *[(*case.values, 400) for case in cases(STRIPES, {"status": 400})],
        *[(*case.values, 422) for case in cases(STRIPES, {"status": 422})],
        *[(*case.values, 429) for case in cases([*STRIPES, *IETFS], {"status": 429})],
        *[(*case.values, 403) for case in cases([*STRIPES, *IETFS], {"raises": "403"})],
        *[(*case.values, 500) for case in cases([*STRIPES, *IETFS], {"raises": "bug"})],
        *[(*case.values, 500) for case in cases(IETFS, {"status": 500})],
        *[(*case.values, 400) for case in cases(STRIPES[1:], {"raises": "400"})],
    ],
)
def test_any_other_failure_frees_the_key(face: str, data: dict[str, Any], status: int) -> None:
    """REQ 10: What the policy does not store keeps its status, leaves nothing, and the key may be used again."""
    assert post(face, **data).status_code == status
    assert (effects(), records(), HOOKS) == (0, 0, [])
    assert post(face, status=201).status_code == 201
    assert (effects(), records(), HOOKS) == (1, 1, ["hook"])
    assert RAN == ["ran", "ran"]


@pytest.mark.parametrize("face", IETFS)
@pytest.mark.parametrize("statement", ["SAVEPOINT", "RELEASE", "ROLLBACK TO"])
def test_a_savepoint_that_fails_is_not_the_handlers_failure(face: str, statement: str) -> None:
    """REQ 24: The savepoint is the guard's: 503 instead of a 500 that the view alone would not give, and all undone."""
    data: dict[str, Any] = {"status": 404 if statement == "ROLLBACK TO" else 201}
    with fails(statement):
        refused = post(face, **data)
    assert_unavailable(refused)
    assert (effects(), records(), HOOKS) == (0, 0, [])
    assert len(RAN) == (statement != "SAVEPOINT")
    assert post(face, **data).status_code == data["status"]
    assert records() == 1
