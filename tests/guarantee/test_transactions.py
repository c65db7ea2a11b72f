"""Record and effect are one transaction, whichever way the handler ends; with and without ATOMIC_REQUESTS."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IETF, STRIPE, KeySyntax
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, outside, post, records
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]

SEEN: list[Any] = []


class Amount(serializers.Serializer):
    amount = serializers.IntegerField()


def invalid() -> None:
    Amount(data={"amount": "much"}).is_valid(raise_exception=True)


def fail(error: Exception) -> Callable[[], None]:
    def raises() -> None:
        raise error

    return raises


def collide() -> None:
    Effect.objects.create(pk=Effect.objects.get().pk, label="again")


def collide_raw() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO app_effect (label, amount, created_at) VALUES (NULL, 0, '2026-01-01')")


def collide_in_bulk() -> None:
    """Django guards this by a block without a savepoint, which leaves no trace of the error."""
    # From Django 6.0 on there is no block around one statement: rows with and without a key are two.
    twice = Effect(pk=Effect.objects.get().pk, label="again")
    Effect.objects.bulk_create([twice, Effect(label="beside it")])


def fail_inside() -> None:
    """Swallow an error of a block without a savepoint: Django marks the whole transaction for rollback."""
    with suppress(ValueError), transaction.atomic(savepoint=False):
        raise ValueError


def swallow(action: Callable[[], None], *, savepoint: bool) -> Callable[[], None]:
    def swallows() -> None:
        try:
            if savepoint:
                with transaction.atomic():
                    action()
            else:
                action()
        except IntegrityError:
            SEEN.append("swallowed")

    return swallows


# What the handler does once it has left its effect, and the status that it answers if it comes through.
ENDINGS: dict[str, tuple[Callable[[], object], int]] = {
    "well": (lambda: None, 201),
    "unhandled": (fail(RuntimeError("out of paper")), 201),
    "database error": (collide, 201),
    "invalid": (invalid, 201),
    "api exception": (fail(exceptions.APIException("later")), 201),
    "missing": (fail(Http404("no such thing")), 201),
    "bad": (fail(BadRequest("bad")), 201),
    "forbidden": (fail(PermissionDenied("no")), 201),
    "answers 400": (lambda: None, 400),
    "answers 409": (lambda: None, 409),
    "answers 500": (lambda: None, 500),
    "rehearses": (lambda: transaction.set_rollback(True), 200),
    "rehearses by itself": (fail_inside, 201),
    "durable": (lambda: transaction.atomic(durable=True).__enter__(), 201),
    "swallows": (swallow(collide, savepoint=False), 201),
    "swallows in a savepoint": (swallow(collide, savepoint=True), 201),
    "swallows raw": (swallow(collide_raw, savepoint=False), 201),
    "swallows in bulk": (swallow(collide_in_bulk, savepoint=False), 201),
}


def work(data: Any) -> tuple[dict[str, int], int]:
    effect = Effect.objects.create(label="paid")
    action, status = ENDINGS[data["ends"]]
    SEEN.append("ran")
    action()
    return {"id": effect.pk}, status


def decorated(request: HttpRequest) -> HttpResponse:
    body, status = work(json.loads(request.body))
    return JsonResponse(body, status=status)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        body, status = work(request.data)
        return Response(body, status=status)


class MixedStripe(Mixed):
    idempotency_policy = STRIPE.but(scope=POLICY.scope)


stripe = idempotent(STRIPE.but(scope=POLICY.scope))(decorated)
ietf = idempotent(IETF.but(scope=POLICY.scope, syntax=KeySyntax.LENIENT))(decorated)

urlpatterns = [
    path("decorated/", idempotent(POLICY)(decorated)),
    path("mixin/", Mixed.as_view()),
    path("stripe/", stripe),
    path("stripe-mixin/", MixedStripe.as_view()),
    path("ietf/", ietf),
]
PLAIN = ["/decorated/", "/mixin/"]
STORING = ["/stripe/", "/stripe-mixin/", "/ietf/"]
ALL = [*PLAIN, *STORING]


@pytest.fixture(autouse=True)
def _seen() -> None:
    SEEN.clear()


@pytest.mark.parametrize("face", ALL)
def test_record_and_effect_appear_together(database: Database, face: str) -> None:
    """REQ 2: Both are committed after success; the handler runs once."""
    first = post(face, ends="well")
    assert first.status_code == 201
    assert outside(database) == (1, 1)
    assert_replays(face, first, ends="well")
    assert SEEN == ["ran"]


@pytest.mark.parametrize("face", PLAIN)
@pytest.mark.parametrize(
    ("ends", "statuses"),
    [
        ("unhandled", (500, 500)),
        ("database error", (500, 500)),
        ("invalid", (500, 400)),  # DRF's own exceptions mean nothing to a plain view
        ("api exception", (500, 500)),
        ("missing", (404, 404)),
        ("bad", (400, 400)),
        ("forbidden", (403, 403)),
        ("answers 400", (400, 400)),
        ("answers 409", (409, 409)),
        ("answers 500", (500, 500)),
        ("rehearses", (500, 500)),  # a success is never sent for work that is rolled back
        ("rehearses by itself", (500, 500)),
        ("durable", (500, 500)),
    ],
)
def test_a_failure_leaves_nothing_and_frees_the_key(face: str, ends: str, statuses: tuple[int, int]) -> None:
    """REQ 2: Whatever is not a kept success keeps its own status, is undone, and may be corrected under its key."""
    for _ in range(2):
        response = post(face, ends=ends)
        assert response.status_code == statuses[PLAIN.index(face)]
        assert REPLAYED not in response.headers
        assert (effects(), records()) == (0, 0)
    assert SEEN == ["ran", "ran"]
    corrected = post(face, ends="well")
    assert corrected.status_code == 201
    assert (effects(), records()) == (1, 1)
    assert_replays(face, corrected, ends="well")


@pytest.mark.parametrize("face", ALL)
def test_no_success_for_work_that_is_rolled_back(face: str) -> None:
    """REQ 2: A handler that marks its own transaction for rollback gets no success through, under each policy."""
    for ends in ("rehearses", "rehearses by itself"):
        assert post(face, ends=ends).status_code == 500
        assert (effects(), records()) == (0, 0)
    assert SEEN == ["ran", "ran"]


@pytest.mark.parametrize("face", ALL)
@pytest.mark.parametrize("ends", ["swallows", "swallows raw", "swallows in bulk"])
def test_a_swallowed_error_never_looks_like_success(database: Database, face: str, ends: str) -> None:
    """REQ 2: After an IntegrityError that the handler hides, a success is sent only where the effect is there too."""
    response = post(face, ends=ends)
    assert SEEN == ["ran", "swallowed"]
    if response.status_code == 201:
        assert (effects(), records()) == (1, 1)
        assert_replays(face, response, ends=ends)
    else:
        assert response.status_code == 500
        assert (effects(), records()) == (0, 0)
        assert post(face, ends="well").status_code == 201


@pytest.mark.parametrize("face", ALL)
def test_an_error_swallowed_in_a_savepoint_is_the_handlers_affair(face: str) -> None:
    """REQ 2: With a savepoint around it, as Django asks for, the rest of the handler's work stands."""
    first = post(face, ends="swallows in a savepoint")
    assert first.status_code == 201
    assert (effects(), records()) == (1, 1)
    assert_replays(face, first, ends="swallows in a savepoint")
