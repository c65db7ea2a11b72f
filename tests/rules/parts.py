"""What the tests of the rules share: a handler whose effects can be counted, and requests to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.test import Client

from django_idempotency import IdempotencyPolicy
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect

View = Callable[..., Any]
Site = Callable[..., Client]

OPEN = IdempotencyPolicy(scope=everyone)
REPLAYED = "Idempotent-Replayed"
JSON = "application/json"


def insert(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Leave one effect; never look at the body."""
    return JsonResponse({"id": Effect.objects.create(label="x").pk}, status=201)


def effects() -> int:
    return Effect.objects.count()


def records() -> int:
    return IdempotencyRecord.objects.count()


def send(
    client: Client,
    body: Any = b"",
    *,
    key: str | None = "k",
    path: str = "/",
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Any:
    """Send one request; a body that is neither bytes nor text goes as JSON."""
    content = body if isinstance(body, bytes | str) else json.dumps(body)
    own = {} if key is None else {"Idempotency-Key": key}
    return client.generic(method, path, content, content_type, headers={**own, **(headers or {})})


def code(response: Any) -> str | None:
    """The code of a refusal, as the default renderer shows it; None for any other answer."""
    if response.headers.get("Content-Type") != "application/problem+json":
        return None
    return str(response.json()["code"])


def is_replay(first: HttpResponseBase, second: HttpResponseBase) -> bool:
    """Whether the second answer is the first one over again, and says so."""
    assert isinstance(first, HttpResponse)
    assert isinstance(second, HttpResponse)
    return (
        second.headers.get(REPLAYED) == "true"
        and REPLAYED not in first.headers
        and (second.status_code, second.content, second.headers.get("Content-Type"))
        == (first.status_code, first.content, first.headers.get("Content-Type"))
    )
