"""What other libraries got wrong about transactions: what stays of a request that failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404
from django.urls import path
from django.utils import timezone
from rest_framework.exceptions import APIException, NotFound, ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency import IETF, STRIPE, IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

POLICIES = {
    "success": IdempotencyPolicy(),
    "errors": IdempotencyPolicy(stored_errors=IETF.stored_errors),
    "stripe": STRIPE,
}
ERRORS: dict[str, tuple[BaseException, int]] = {
    "value": (ValueError("a bug"), 500),
    "key": (KeyError("a bug"), 500),
    "recursion": (RecursionError(), 500),
    "assertion": (AssertionError(), 500),
    "integrity": (IntegrityError("own"), 500),
    "api": (APIException(), 500),
    "validation": (ValidationError({"amount": ["no"]}), 400),
    "parse": (ParseError(), 400),
    "not-found": (NotFound(), 404),
    "404": (Http404(), 404),
    "denied": (PermissionDenied(), 403),
}
BEYOND: dict[str, BaseException] = {"exit": SystemExit(1), "interrupt": KeyboardInterrupt()}
failing: list[bool] = []


class Pay(IdempotencyMixin, TokenView):
    def post(self, request: Request, kind: str) -> Response:
        response = record(request)
        if failing and kind == "deferred":
            Permission.objects.create(name="x", codename="x", content_type_id=10**6)
        elif failing and kind == "returned":
            return Response({"refused": True}, status=400)
        elif failing:
            raise {**{name: error for name, (error, _) in ERRORS.items()}, **BEYOND}[kind]
        return response


urlpatterns = [
    path(f"{name}/<str:kind>/", Pay.as_view(idempotency_policy=policy), name=name)
    for name, policy in POLICIES.items()
]


@pytest.fixture(autouse=True)
def _fail_at_first() -> None:
    failing[:] = [True]


@pytest.fixture(params=[False, True], ids=["autocommit", "ATOMIC_REQUESTS"])
def requests(request: pytest.FixtureRequest, database: Database) -> Database:
    """Run the test with and without a transaction around each request."""
    database.reconfigure(ATOMIC_REQUESTS=request.param)
    return database


@pytest.mark.parametrize("kind", ["validation", "returned"])
@pytest.mark.parametrize("policy", ["success", "errors"])
def test_every_400_became_a_500(requests: Database, policy: str, kind: str) -> None:
    """REQ 10: under ATOMIC_REQUESTS each refusal ended in a broken transaction; it is the 400 that it was."""
    caller = client()
    first, retry = (send(caller, f"/{policy}/{kind}/") for _ in range(2))
    assert first.status_code == retry.status_code == 400
    assert first.content == retry.content
    assert same(first, retry) is (policy == "errors")
    assert effects() == 0


def test_the_answer_was_stored_though_the_commit_failed(requests: Database) -> None:
    """REQ 2: COMMIT was refused, and retries got a 201 for a row that did not exist; here the key is free."""
    caller = client(raises=False)
    for _ in range(2):
        assert send(caller, "/success/deferred/").status_code == 500
        assert effects() == 0
    failing.clear()
    first = send(caller, "/success/deferred/")
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    assert same(first, send(caller, "/success/deferred/"))
    assert effects() == 1


@pytest.mark.parametrize("kind", ERRORS)
def test_an_exception_held_the_key_for_an_hour(requests: Database, kind: str) -> None:
    """REQ 8: only one kind of exception freed the key; any of them does, and undoes all."""
    caller = client(raises=False)
    assert [send(caller, f"/success/{kind}/").status_code for _ in range(2)] == [ERRORS[kind][1]] * 2
    assert effects() == 0
    failing.clear()
    first = send(caller, f"/success/{kind}/", {"label": "corrected"})
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    assert same(first, send(caller, f"/success/{kind}/", {"label": "corrected"}))
    assert effects() == 1


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", ["value", "integrity", "denied", "404", "validation"])
def test_what_is_stored_of_an_exception_had_effects(requests: Database, policy: str, kind: str) -> None:
    """REQ 10: stored or not, a refused request leaves nothing but its answer."""
    caller = client(raises=False)
    status = ERRORS[kind][1]
    answers = [send(caller, f"/{policy}/{kind}/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    stored = status in POLICIES[policy].stored_errors and kind not in ("value", "integrity")
    assert (REPLAYED in answers[1].headers) is stored
    assert effects() == 0


@pytest.mark.parametrize("kind", BEYOND)
def test_a_worker_that_is_told_to_end_held_the_key(requests: Database, kind: str) -> None:
    """REQ 8: what is no Exception, as when a server ends its worker, undoes all and frees the key too."""
    caller = client()
    with pytest.raises(type(BEYOND[kind])):
        send(caller, f"/success/{kind}/")
    assert effects() == 0
    failing.clear()
    assert send(caller, f"/success/{kind}/").status_code == 201
    assert effects() == 1


def test_an_expired_key_was_dead_for_ever(requests: Database) -> None:
    """REQ 12, 19: after its expiry a key answered 409 for ever; it runs as new, with any body, and is stored."""
    failing.clear()
    caller = client()
    first = send(caller, "/success/value/")
    IdempotencyRecord.objects.update(expires_at=timezone.now() - timedelta(days=1))
    late = send(caller, "/success/value/", {"label": "late"})
    assert (late.status_code, REPLAYED in late.headers) == (201, False)
    assert late.json()["id"] != first.json()["id"]
    assert same(late, send(caller, "/success/value/", {"label": "late"}))
    assert effects() == 2


def test_replays_wrote(requests: Database) -> None:
    """REQ 27: each replay stored its answer again; here it leaves the record as it was, refused ones too."""
    failing.clear()
    caller = client()
    send(caller, "/success/value/")
    before: Any = IdempotencyRecord.objects.values().get()
    send(caller, "/success/value/")
    send(caller, "/success/value/", {"label": "other"})
    assert IdempotencyRecord.objects.values().get() == before
    assert Effect.objects.count() == 1
