"""A client in the process of the test, and the answers that it wants to see."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.test import Client

from django_idempotency import IdempotencyPolicy
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.rig import Database

POLICY = IdempotencyPolicy(scope=everyone, required=True)


def post(path: str, key: str = "key-1", **data: Any) -> HttpResponse:
    """One request; an exception of the view is the 500 that a user would see."""
    client = Client(raise_request_exception=False)
    response: Any = client.post(path, data, content_type="application/json", headers={"Idempotency-Key": key})
    return response


def effects() -> int:
    return Effect.objects.count()


def records() -> int:
    return IdempotencyRecord.objects.count()


def assert_replays(path: str, first: HttpResponse, **data: Any) -> None:
    """A retry gets the same bytes, and nothing happens again."""
    before = effects()
    again = post(path, **data)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers[REPLAYED] == "true"
    assert effects() == before


def assert_unavailable(response: HttpResponse) -> None:
    """503 in the policy's format, which says that a retry with the same key may help."""
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.headers["Retry-After"], response.headers["X-Should-Retry"]) == ("1", "true")
    assert b'"code": "idempotency_unavailable"' in response.content


def outside(database: Database) -> tuple[int, int]:
    """Effects and records as another session sees them: what is committed."""
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT (SELECT count(*) FROM app_effect), (SELECT count(*) FROM idempotency_record)")
        return tuple(cursor.fetchone())
