"""A view's last word before its stored response is handed out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, EffectSerializer, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

seen: list[dict[str, Any]] = []


class IsOpen(BasePermission):
    """An object may be acted on until it is closed."""

    def has_object_permission(self, request: Request, view: Any, obj: Effect) -> bool:
        return obj.label != "closed"


class Silent(IdempotencyMixin, TokenView, GenericAPIView):
    permission_classes = (IsAuthenticated, IsOpen)
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer

    def post(self, request: Request, pk: int) -> Response:
        self.get_object()
        return record(request)


class Checking(Silent):
    def before_replay(self, request: Request, record: Any) -> None:
        self.get_object()


class Looking(Silent):
    fields: tuple[str, ...] = ("scope", "endpoint", "key", "state", "response_status", "pk")

    def before_replay(self, request: Request, record: Any) -> None:
        seen.append({name: getattr(record, name) for name in self.fields})


class LookingAtTimes(Looking):
    fields = ("created_at", "completed_at", "expires_at")


def refuse(error: Exception) -> Callable[..., None]:
    def before_replay(request: Any, record: Any) -> None:
        if request.headers.get("X-Refuse"):
            raise error

    return before_replay


@idempotent(before_replay=refuse(PermissionDenied()))
def plain(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"id": Effect.objects.create(label="x").pk}, status=201)


@api_view(["POST"])
@authentication_classes(TokenView.authentication_classes)
@idempotent(before_replay=refuse(NotFound()))
def of_drf(request: Request) -> Response:
    return record(request)


urlpatterns = [
    path("silent/<int:pk>/", Silent.as_view(), name="silent"),
    path("checking/<int:pk>/", Checking.as_view(), name="checking"),
    path("looking/<int:pk>/", Looking.as_view(), name="looking"),
    path("times/<int:pk>/", LookingAtTimes.as_view(), name="times"),
    path("plain/", plain, name="plain"),
    path("of-drf/", of_drf, name="of-drf"),
]


@pytest.mark.parametrize("database_settings", [{}, {"ATOMIC_REQUESTS": True}], ids=["autocommit", "atomic"])
def test_object_permissions_are_checked_again(database: Database, database_settings: dict[str, Any]) -> None:
    """REQ 5: a hook that looks at the object refuses its replay once the object may not be acted on."""
    database.reconfigure(**database_settings)
    caller, target = client(), Effect.objects.create(label="open")
    url = f"/checking/{target.pk}/"
    first = send(caller, url)
    assert same(first, send(caller, url))
    Effect.objects.filter(pk=target.pk).update(label="closed")
    refused = send(caller, url)
    assert refused.status_code == 403
    assert REPLAYED not in refused.headers
    Effect.objects.filter(pk=target.pk).update(label="open again")
    assert same(first, send(caller, url))  # the refusal left the record as it was
    target.delete()
    assert send(caller, url).status_code == 404
    assert effects(label="x") == 1


def test_the_hook_reads_the_record(database: Database) -> None:
    """REQ 5: the hook is told whose record it is, and what of."""
    seen.clear()
    caller, target = client(), Effect.objects.create(label="open")
    for _ in range(3):
        send(caller, f"/looking/{target.pk}/", key="my-key")
    told = {name: seen[0].pop(name) for name in ("key", "endpoint", "state", "response_status", "scope")}
    assert told == {
        "key": "my-key",
        "endpoint": "POST looking",
        "state": "completed",
        "response_status": 201,
        "scope": f"auth.user:{user('ann').pk}",
    }
    assert len(seen) == 2
    assert len(seen[0]["pk"]) == 64


def test_the_hook_reads_the_times_of_the_record(database: Database) -> None:
    """REQ 5: what a replay does not need is there when the hook asks for it."""
    seen.clear()
    caller, target = client(), Effect.objects.create(label="open")
    before = timezone.now() - timedelta(seconds=5)
    for _ in range(2):
        assert send(caller, f"/times/{target.pk}/").status_code == 201
    (times,) = seen
    assert before < times["created_at"] <= times["completed_at"] < timezone.now() + timedelta(seconds=5)
    assert times["expires_at"] - times["created_at"] == timedelta(hours=24)


def test_a_hook_costs_no_statement_of_its_own(database: Database) -> None:
    """REQ 5: the record comes with the replay's own read: with or without a hook, the same statements."""
    caller, target = client(), Effect.objects.create(label="open")
    counts = {}
    for view in ("silent", "looking", "times"):
        url = f"/{view}/{target.pk}/"
        send(caller, url)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert send(caller, url).headers[REPLAYED] == "true"
        counts[view] = len(queries)
    assert counts["silent"] == counts["looking"]
    assert counts["silent"] < counts["times"] <= counts["silent"] + len(LookingAtTimes.fields)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(("url", "status"), [("/plain/", 403), ("/of-drf/", 404)])
def test_the_hook_of_a_function(database: Database, url: str, status: int) -> None:
    """REQ 5: a function's hook refuses with what its framework understands."""
    caller = client()
    if url == "/plain/":
        caller = Client()  # type: ignore[assignment]
        caller.force_login(user("ann"))
    first = send(caller, url)
    assert send(caller, url, headers={"X-Refuse": "1"}).status_code == status
    assert same(first, send(caller, url))
    assert effects() == 1
