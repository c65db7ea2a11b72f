"""A view's judgement of a body that differs from the first one under its key."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency import IdempotencyPolicy, Mismatch, PolicyError
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, EffectSerializer, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

VALIDATE = IdempotencyPolicy(on_mismatch=Mismatch.VALIDATE)


class Validating(IdempotencyMixin, TokenView):
    idempotency_policy = VALIDATE

    def post(self, request: Request) -> Response:
        return record(request)

    def validate_replay(self, request: Request) -> None:
        EffectSerializer(data=request.data).is_valid(raise_exception=True)


def check(request: Request) -> None:
    EffectSerializer(data=request.data).is_valid(raise_exception=True)


@api_view(["POST"])
@authentication_classes(TokenView.authentication_classes)
@idempotent(VALIDATE, validate_replay=check)
def of_drf(request: Request) -> Response:
    return record(request)


def validate(request: Any) -> None:
    if "label" not in request.POST:
        raise PermissionDenied


@idempotent(VALIDATE, validate_replay=validate)
def plain_validating(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"id": Effect.objects.create(label=request.POST["label"]).pk}, status=201)


urlpatterns = [
    path("validating/", Validating.as_view(), name="validating"),
    path("of-drf/", of_drf, name="of-drf"),
    path("plain/", plain_validating, name="plain"),
]


@pytest.mark.parametrize("url", ["/validating/", "/of-drf/"])
def test_another_body_is_validated(database: Database, url: str) -> None:
    """VALIDATE: a differing body that is invalid is 400, one that is valid gets the first result."""
    caller = client()
    first = send(caller, url, {"label": "a"})
    invalid = send(caller, url, {"label": ""})
    assert invalid.status_code == 400
    assert "label" in invalid.json()
    assert REPLAYED not in invalid.headers
    assert same(first, send(caller, url, {"label": "b"}))
    assert same(first, send(caller, url, {"label": "a"}))
    assert effects() == effects(label="a") == 1


def test_another_body_is_validated_for_a_django_view(database: Database) -> None:
    """VALIDATE on a plain view: what its hook raises is its answer."""
    caller = Client()
    caller.force_login(user("ann"))
    first = send(caller, "/plain/", {"label": "a"})
    assert send(caller, "/plain/", {"other": "a"}).status_code == 403
    assert same(first, send(caller, "/plain/", {"label": "b"}))
    assert effects() == 1


def test_another_target_is_not_validated_away(database: Database) -> None:
    """REQ 6: the hook judges bodies only; the same key with another query is still refused."""
    caller = client()
    send(caller, "/validating/")
    assert send(caller, "/validating/?amount=9").status_code == 422
    assert effects() == 1


def test_validate_without_its_hook_is_refused() -> None:
    """The decorator refuses such a policy where it is written."""
    with pytest.raises(PolicyError, match="validate_replay"):
        idempotent(VALIDATE)
