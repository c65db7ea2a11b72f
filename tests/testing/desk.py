"""Endpoints that are idempotent, each in its own way, and the clients that call them."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import BadRequest
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency import (
    IETF,
    STRIPE,
    BodyField,
    Derived,
    Fingerprint,
    Header,
    IdempotencyPolicy,
    KeySyntax,
    Mismatch,
    Mode,
)
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin, IdempotentCreateMixin
from django_idempotency.scopes import everyone
from django_idempotency.testing import assert_idempotent
from tests.app.models import Effect
from tests.faces.parts import EffectSerializer, TokenView, record

POLICY = IdempotencyPolicy(scope=everyone)
CALLER = POLICY.but(scope=lambda request: request.headers.get("X-Caller"))
ORDER = {"label": "book", "amount": 1}
OTHER = {"label": "book", "amount": 2}
JSON = "application/json"


committed: list[int] = []


def make(request: HttpRequest) -> HttpResponse:
    """Do all that a handler may do: write, register a callback, send mail in it."""
    body = json.loads(request.body) if request.content_type == JSON else request.POST
    effect = Effect.objects.create(label=body["label"], amount=int(body["amount"]))
    transaction.on_commit(lambda: committed.append(effect.pk))
    send_mail("Thank you", "", None, ["ann@example.com"])
    return JsonResponse({"id": effect.pk}, status=201, headers={"Location": f"/{effect.pk}/"})


def store_file(request: HttpRequest) -> HttpResponse:
    size = sum(len(file.read()) for _, files in request.FILES.lists() for file in files)
    return JsonResponse({"id": Effect.objects.create(amount=size).pk, "size": size}, status=201)


async def make_async(request: HttpRequest) -> HttpResponse:
    effect = await Effect.objects.acreate(label="async")
    return JsonResponse({"id": effect.pk}, status=201)


def decline(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"n": Effect.objects.create(label="undone").pk}, status=402)


def put(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Effect.objects.create(label="put").pk))


def large(request: HttpRequest) -> HttpResponse:
    return HttpResponse(make(request).content * 100, headers={"Location": "/x/"})


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([make(request).content]))


def card(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="card")
    return JsonResponse({"id": effect.pk, "number": "4242"}, status=201)


def mask(body: bytes) -> bytes:
    return body.replace(b"4242", b"****")


def validate(request: HttpRequest) -> None:
    if json.loads(request.body)["amount"] > 9:
        raise BadRequest


class ByMixin(IdempotencyMixin, TokenView):
    def post(self, request: Request) -> Response:
        return record(request)


class Leased(ByMixin):
    idempotency_policy = IdempotencyPolicy(mode=Mode.LEASED, required=True)


class Choosing(ByMixin):
    def get_idempotency_policy(self) -> IdempotencyPolicy:
        return CHOSEN


class Binding(IdempotentCreateMixin, TokenView):
    def perform_create(self, serializer: Any) -> None:
        serializer.save()

    def post(self, request: Request) -> Response:
        serializer = EffectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return Response(serializer.data, status=201)


CHOSEN = POLICY.but(keys=(Header("X-Chosen"),))
REQUIRED = POLICY.but(required=True)
# name -> the policy of `make`.
POLICIES = {
    "default": POLICY,
    "leased": POLICY.but(mode=Mode.LEASED),
    "required": REQUIRED,
    "strict": IETF.but(scope=everyone),
    "stripe": STRIPE.but(scope=everyone),
    "body": POLICY.but(keys=(BodyField("op_id"),), required=True),
    "both": POLICY.but(keys=(BodyField("op_id"), Header("X-Token"))),
    "derived": POLICY.but(keys=(Derived(lambda request: request.path),)),
    "unmarked": POLICY.but(keys=(Derived(lambda request: request.path, marked=False),)),
    "short": POLICY.but(max_length=12, characters="[A-Z]"),
    "long": POLICY.but(min_length=64),
    "literal": POLICY.but(syntax=KeySyntax.LITERAL),
    "replay": POLICY.but(on_mismatch=Mismatch.REPLAY),
    "target": POLICY.but(fingerprint=Fingerprint.TARGET),
    "amount": POLICY.but(fingerprint_fields=("amount",), mismatch_status=409),
    "renamed": POLICY.but(replayed_header="X-Replayed", endpoint="orders", expires_header=None),
    "caller": CALLER,
}

urlpatterns = [
    *(path(f"{name}/", idempotent(policy)(make), name=name) for name, policy in POLICIES.items()),
    path("validate/", idempotent(POLICY.but(on_mismatch=Mismatch.VALIDATE), validate_replay=validate)(make)),
    path("files/", idempotent(POLICY)(store_file)),
    path("async/", idempotent(POLICY)(make_async)),
    path(
        "declined/<int:number>/",
        idempotent(POLICY.but(stored_errors=frozenset({402})))(lambda r, number: decline(r)),
    ),
    path("large/", idempotent(POLICY.but(max_body_size=100))(large)),
    path("streamed/", idempotent(POLICY)(streamed)),
    path("card/", idempotent(POLICY, redact=lambda request, body: mask(body))(card)),
    path("mixin/", ByMixin.as_view()),
    path("mixin-leased/", Leased.as_view()),
    path("choosing/", Choosing.as_view()),
    path("binding/", Binding.as_view()),
    path(
        "put/",
        idempotent(POLICY.but(methods=("PUT", "DELETE")))(put),
    ),
]


def prove(url: str, data: Any = ORDER, client: Any = None, method: str = "POST", **options: Any) -> Any:
    """The call of a user, with a body of JSON."""
    return assert_idempotent(client or Client(), method, url, data, **{"content_type": JSON, **options})
