"""What the views and the tests of the faces share: callers with real credentials, and effects to count."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer
from rest_framework.test import APIClient
from rest_framework.views import APIView

from tests.app.models import Effect

REPLAYED = "Idempotent-Replayed"


class EffectSerializer(ModelSerializer[Effect]):
    class Meta:
        model = Effect
        fields = ("id", "label", "amount")


class TokenView(APIView):
    """For callers with a token only."""

    authentication_classes: Any = (TokenAuthentication,)
    permission_classes: Any = (IsAuthenticated,)


def record(request: Request, status: int = 201) -> Response:
    """Leave one effect of the request, and answer with it."""
    serializer = EffectSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    serializer.save()
    return Response(serializer.data, status=status)


def user(name: str) -> User:
    return User.objects.get_or_create(username=name)[0]


def client(name: str = "ann", *, raises: bool = True) -> APIClient:
    """Return a client that sends the token of a user."""
    token, _ = Token.objects.get_or_create(user=user(name))
    made = APIClient(raise_request_exception=raises)
    made.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return made


def send(
    caller: Any, path: str, data: Any = None, *, key: str | None = "k", method: str = "post", **options: Any
) -> Any:
    """Send one request as JSON, or as `format` says, under a key."""
    headers = {**({} if key is None else {"Idempotency-Key": key}), **options.pop("headers", {})}
    if isinstance(caller, APIClient) and "content_type" not in options:
        options.setdefault("format", "json")
    body = {"label": "x", "amount": 1} if data is None else data
    return getattr(caller, method)(path, body, headers=headers, **options)


def effects(**lookup: Any) -> int:
    """Count what handlers have left."""
    return Effect.objects.filter(**lookup).count()


def same(first: HttpResponse, second: HttpResponse) -> bool:
    """Whether the second answer is a replay of the first: status, bytes, Content-Type."""
    return (
        second.headers.get(REPLAYED) == "true"
        and REPLAYED not in first.headers
        and (second.status_code, second.content, second.headers.get("Content-Type"))
        == (first.status_code, first.content, first.headers.get("Content-Type"))
    )
