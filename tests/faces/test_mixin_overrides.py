"""Views that override DRF's own methods: each runs as often as DRF runs it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from django_idempotency import IETF, IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

POLICIES = {
    "success": IdempotencyPolicy(),
    "errors": IdempotencyPolicy(stored_errors=IETF.stored_errors | {409}),
}
calls: Counter[str] = Counter()


class Overriding(TokenView):
    """Counts, wraps the data of each response, and names what it was finalized for."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        calls["finalize_response"] += 1
        if REPLAYED not in response.headers and hasattr(response, "data"):
            response.data = {"wrapped": response.data}
        response["X-Kind"] = kwargs["kind"]
        return super().finalize_response(request, response, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        calls["handle_exception"] += 1
        return super().handle_exception(exc)

    def get_exception_handler(self) -> Any:
        return handler

    def post(self, request: Request, kind: str) -> Response:
        response = record(request)
        if kind == "refused":
            raise ValidationError({"amount": ["too much"]})
        if kind == "bug":
            raise ValueError("nobody handles this")
        if kind == "duplicate":
            raise IntegrityError("the handler's own")
        if kind == "deferred":
            break_a_promise_until_commit()
        return response


class Guarded(IdempotencyMixin, Overriding):
    """Gets its policy from the route."""


class Renaming(TokenView):
    """Lets a header say what the method is, as clients behind old proxies do."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        request._request.method = request.headers.get("X-HTTP-Method-Override", request.method)

    def patch(self, request: Request) -> Response:
        return record(request)


class Renamed(IdempotencyMixin, Renaming):
    """Guards what the method turns out to be."""

    idempotency_policy = IdempotencyPolicy()


def handler(exc: Exception, context: Any) -> Response | None:
    """Do as projects do: a database error is a conflict."""
    calls["exception_handler"] += 1
    if isinstance(exc, IntegrityError):
        return Response({"conflict": True}, status=409)
    return exception_handler(exc, context)


def break_a_promise_until_commit() -> None:
    """Refer to a row that does not exist; the database accepts that, and refuses the COMMIT."""
    Permission.objects.create(name="x", codename="x", content_type_id=10**6)
    calls["accepted"] += 1


urlpatterns = [
    path("bare/<str:kind>/", Overriding.as_view(), name="bare"),
    path("renamed/", Renamed.as_view(), name="renamed"),
    *[
        path(f"{name}/<str:kind>/", Guarded.as_view(idempotency_policy=policy), name=name)
        for name, policy in POLICIES.items()
    ],
]


@pytest.fixture(autouse=True)
def _counted_from_zero() -> None:
    calls.clear()


@pytest.mark.parametrize("guard", ["bare", *POLICIES])
@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("fine", 201, {"finalize_response": 1}),
        ("refused", 400, {"finalize_response": 1, "handle_exception": 1, "exception_handler": 1}),
        ("duplicate", 409, {"finalize_response": 1, "handle_exception": 1, "exception_handler": 1}),
    ],
)
def test_overrides_run_once(
    database: Database, guard: str, kind: str, status: int, expected: dict[str, int]
) -> None:
    """Guarded or not, stored errors or not: `finalize_response` and `handle_exception` run exactly once."""
    answer = send(client(), f"/{guard}/{kind}/")
    assert answer.status_code == status
    assert answer.headers["X-Kind"] == kind
    assert list(answer.json()) == ["wrapped"]
    assert calls == expected


@pytest.mark.parametrize("guard", ["bare", *POLICIES])
def test_a_bug_is_handled_once(database: Database, guard: str) -> None:
    """What `handle_exception` lets through goes on as it is, and is not handled a second time."""
    assert send(client(raises=False), f"/{guard}/bug/").status_code == 500
    assert calls == {"handle_exception": 1, "exception_handler": 1}


@pytest.mark.parametrize("guard", POLICIES)
def test_a_replay_is_finalized_once_and_stays_as_it_was(database: Database, guard: str) -> None:
    """REQ 3: an override that changes each response's data cannot change the bytes of a replay."""
    caller = client()
    first, retry = (send(caller, f"/{guard}/fine/") for _ in range(2))
    assert same(first, retry)
    assert retry.data == {"wrapped": first.json()["wrapped"]}
    assert calls == {"finalize_response": 2}


def test_the_method_is_what_an_override_makes_of_it(database: Database) -> None:
    """REQ 1: a POST that is dispatched as PATCH is guarded as PATCH."""
    caller = client()
    first, retry = (send(caller, "/renamed/", headers={"X-HTTP-Method-Override": "PATCH"}) for _ in range(2))
    assert same(first, retry)
    assert effects() == 1


def test_a_stored_refusal_is_replayed_without_the_handler(database: Database) -> None:
    """REQ 10: a stored 400 is replayed, its effects were undone, and the exception handler has run once."""
    caller = client()
    first, retry = (send(caller, "/errors/refused/") for _ in range(2))
    assert first.status_code == 400
    assert same(first, retry)
    assert effects() == 0
    assert calls["handle_exception"] == 1


@pytest.mark.parametrize("guard", POLICIES)
def test_a_database_error_is_never_stored(database: Database, guard: str) -> None:
    """REQ 10: what the database refused may be fine a moment later, whatever status a project gives it."""
    caller = client()
    for _ in range(2):
        answer = send(caller, f"/{guard}/duplicate/")
        assert (answer.status_code, REPLAYED in answer.headers) == (409, False)
    assert calls["exception_handler"] == 2
    assert effects() == 0


def test_a_refusal_that_is_not_stored_runs_again(database: Database) -> None:
    """REQ 10: without stored errors the refused request left nothing, and may be sent again corrected."""
    caller = client()
    answers = [send(caller, "/success/refused/", {"label": label}) for label in ("a", "b")]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert all(REPLAYED not in answer.headers for answer in answers)
    assert effects() == 0


@pytest.mark.parametrize("guard", POLICIES)
def test_an_exception_handler_sees_what_fails_at_commit(database: Database, guard: str) -> None:
    """REQ 2: a constraint that fails at COMMIT is the handler's failure: answered by the project's own handler."""
    caller = client(raises=False)
    for _ in range(2):
        answer = send(caller, f"/{guard}/deferred/")
        assert (answer.status_code, answer.json()) == (409, {"wrapped": {"conflict": True}})
        assert effects() == 0
    assert calls["accepted"] == calls["handle_exception"] == 2
