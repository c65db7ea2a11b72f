"""Views that make and bind an object of any kind, and what the tests do with their records."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db.models import F, Model
from django.http import HttpRequest, JsonResponse
from django.urls import path

from django_idempotency import IdempotencyPolicy, bind
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import AnyEffect, Effect, Entry, Line, Parcel, Refund, Seat, Tag

POLICY = IdempotencyPolicy(scope=everyone, required=True)
FOLLOWS = ("app.Effect", "app.Line", "app.Parcel", "app.Tag", "app.Refund", "app.Seat")

KINDS: dict[str, Callable[[], Model]] = {
    "integer": lambda: Effect.objects.create(label="made"),
    "uuid": lambda: Parcel.objects.create(),
    "text": lambda: Tag.objects.create(name="Ünö\t'1'"),
    "composite": lambda: Seat.objects.create(hall="Ünö, 'a'", number=7),
    "proxy": lambda: AnyEffect.objects.create(label="made"),
    "inherited": lambda: Refund.objects.create(label="made"),
    "child": lambda: Line.objects.create(effect=Effect.objects.create(label="parent")),
    "entry": lambda: Entry.objects.create(effect=Effect.objects.create(label="parent")),
}
MADE: list[Model] = []


def make(request: HttpRequest, kind: str) -> JsonResponse:
    made = KINDS[kind]()
    MADE.append(made)
    bind(made)
    response = JsonResponse({"secret": "of the first answer"}, status=201)
    response.headers["Location"] = "/secret-location"
    return response


urlpatterns = [
    path("<kind>/", idempotent(POLICY)(make)),
    path("<kind>/for-ever/", idempotent(POLICY.but(lifetime=None))(make)),
    path("<kind>/followed/", idempotent(POLICY.but(lifetime=None, follows=FOLLOWS))(make)),
]


def age(by: timedelta, **which: Any) -> None:
    """Move records into the past: the rows move, and no clock does."""
    records = IdempotencyRecord.objects.filter(**which)
    assert records.update(created_at=F("created_at") - by, expires_at=F("expires_at") - by)


def assert_tombstone(record: IdempotencyRecord) -> None:
    """Nothing is left of what was answered."""
    record.refresh_from_db()
    assert (record.state, record.response_body, record.response_headers) == ("completed", None, "")
    assert record.resource_deleted_at is not None
