"""One endpoint under all policies, whose handler ends as a request asks for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from django_idempotency import Finding, IdempotencyPolicy, Mode, NothingHappened, Unknown, bind
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect

# How often the handler ran: no rollback takes it away.
RAN: list[str] = []
# What the reconcile hook finds next.
FINDINGS: list[HttpResponse | Finding] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """
    One request.

    Attributes:
        policy: by which it is served: a deployment may change that of an endpoint.
        end: how the handler ends, if it runs. No part of what makes two requests equal.
        finding: what `reconcile` would say of the attempt before.
    """

    policy: str
    caller: str
    key: str
    amount: int
    end: str
    finding: str = "still unknown"

    @property
    def place(self) -> tuple[str, str]:
        """What a record is about."""
        return self.caller, self.key

    @property
    def leased(self) -> bool:
        return self.policy != "atomic"


def caller(request: HttpRequest) -> str | None:
    return request.headers.get("X-Caller")


def reconcile(record: IdempotencyRecord) -> HttpResponse | Finding:
    return FINDINGS.pop()


def charge(request: HttpRequest) -> HttpResponse:
    end = request.headers["X-End"]
    RAN.append(end)
    if end == "does nothing":
        return JsonResponse({"run": len(RAN)})
    effect = Effect.objects.create(label="charge", amount=json.loads(request.body)["amount"])
    bind(effect)
    if end == "says that nothing happened":
        raise NothingHappened
    if end in ("raises", "dies"):
        raise RuntimeError(end)
    status = {"makes": 201, "is refused": 400, "is declined": 402}[end]
    return JsonResponse({"id": effect.pk, "run": len(RAN)}, status=status)


ATOMIC = IdempotencyPolicy(
    scope=caller, required=True, endpoint="charge", stored_errors=frozenset({402}), mode=Mode.ATOMIC
)
FAIL = ATOMIC.but(mode=Mode.LEASED)
GUARDED: dict[str, Callable[[HttpRequest], Any]] = {
    "atomic": idempotent(ATOMIC)(charge),
    "fail": idempotent(FAIL)(charge),
    "retry": idempotent(FAIL.but(on_unknown=Unknown.RETRY))(charge),
    "reconcile": idempotent(FAIL.but(on_unknown=Unknown.RECONCILE, reconcile=reconcile))(charge),
}


def serve(request: HttpRequest) -> Any:
    return GUARDED[request.headers["X-Policy"]](request)


urlpatterns = [path("charge/", serve)]


def found(ask: Ask) -> HttpResponse | Finding:
    """What the hook says."""
    if ask.finding == "done":
        return JsonResponse({"found": ask.amount}, status=201)
    return Finding(ask.finding)


def send(ask: Ask) -> Any:
    """The answer, as a client of the endpoint sees it."""
    FINDINGS[:] = [found(ask)]
    headers = {
        "Idempotency-Key": ask.key,
        "X-Caller": ask.caller,
        "X-Policy": ask.policy,
        "X-End": ask.end,
    }
    return Client(raise_request_exception=False).post(
        "/charge/", {"amount": ask.amount}, content_type="application/json", headers=headers
    )
