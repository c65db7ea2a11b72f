"""Each refusal, and how a client meets it."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from django_idempotency import IdempotencyPolicy
from django_idempotency.models import IdempotencyRecord
from tests.rules.parts import Site, insert, send


def grows(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Answer with more than a policy of 10 bytes keeps."""
    response = insert(request)
    response.headers["Location"] = "/effects/1"
    response.content = b"x" * 100
    return response


def required(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    return send(site(policy.but(required=True), drf=drf), key=None)


def malformed(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    return send(site(policy, drf=drf), key="a,b")


def nobody(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    return send(site(policy.but(scope=lambda request: None), drf=drf))


def unreadable(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    return send(site(policy, drf=drf), b"[" * 100_000)


def reused(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    client = site(policy, drf=drf)
    send(client, {"a": 1})
    return send(client, {"a": 2})


def in_progress(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    client = site(policy, drf=drf)
    send(client)
    IdempotencyRecord.objects.update(state="in_progress")
    return send(client)


def unavailable_response(site: Site, policy: IdempotencyPolicy, drf: bool) -> Any:
    client = site(policy.but(max_body_size=10), grows, drf=drf)
    send(client)
    return send(client)


REFUSALS = {
    # code: (how to meet it, status, retryable, retry_same_key, Retry-After)
    "idempotency_key_required": (required, 400, False, False, None),
    "invalid_idempotency_key": (malformed, 400, False, False, None),
    "idempotency_scope_required": (nobody, 400, False, True, None),
    "invalid_body": (unreadable, 400, False, True, None),
    "idempotency_conflict": (reused, 422, False, False, None),
    "idempotency_in_progress": (in_progress, 409, True, True, "1"),
    "response_unavailable": (unavailable_response, 409, False, False, None),
}
refusals = pytest.mark.parametrize(
    ("code", "meet", "status", "retryable", "same_key", "retry_after"),
    [(code, *rest) for code, rest in REFUSALS.items()],
    ids=REFUSALS,
)
