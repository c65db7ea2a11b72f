"""A leased endpoint whose handler does what a request asks for, and an outside world that keeps count."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.utils import timezone

from django_idempotency import IdempotencyPolicy, Mode, NothingHappened, downstream_key, harmless
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect

LEASED = IdempotencyPolicy(scope=everyone, required=True, mode=Mode.LEASED)

# What reached the outside world, in the order in which it did: no rollback takes it away.
OUTSIDE: list[str] = []


class Refused(Exception):
    """Raised by the handler on request."""


def charge(request: HttpRequest) -> HttpResponse:
    """Write, call outside, and end as the body asks for."""
    said = json.loads(request.body or b"{}")
    end = said.get("end", "paid")
    if end == "nothing":
        raise NothingHappened("The bank is closed.")
    if end == "harmless":
        with harmless():
            raise Refused
    effect = Effect.objects.create(label="charge")
    OUTSIDE.append(downstream_key())
    if end == "raise":
        raise Refused
    if isinstance(end, int):
        return JsonResponse({"refused": end}, status=end)
    return JsonResponse({"id": effect.pk, "charge": len(OUTSIDE)}, status=201)


def leased(policy: IdempotencyPolicy = LEASED, view: Callable[..., HttpResponse] = charge) -> Any:
    return idempotent(policy)(view)


def post(path: str, key: str = "key-1", **body: Any) -> Any:
    client = Client(raise_request_exception=False)
    return client.post(path, body, content_type="application/json", headers={"Idempotency-Key": key})


def code(response: Any) -> tuple[int, str | None]:
    """The status, and the code of a refusal."""
    if response.headers["Content-Type"] != "application/problem+json":
        return response.status_code, None
    return response.status_code, json.loads(response.content)["code"]


def record() -> IdempotencyRecord:
    return IdempotencyRecord.objects.get()


def lapse() -> None:
    """Let every lease be over: the rows move, and no clock does."""
    over = timezone.now() - timedelta(seconds=1)
    IdempotencyRecord.objects.filter(state="in_progress").update(lease_expires_at=over)


def abandoned(key: str = "key-1") -> None:
    """Turn a finished record into what a worker leaves that died after its claim."""
    IdempotencyRecord.objects.filter(key=key).update(
        state="in_progress", response_status=None, response_body=None, completed_at=None
    )
    Effect.objects.all().delete()
    lapse()
