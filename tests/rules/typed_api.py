"""The public API as a typed project uses it: checked by mypy like the package itself, and importable."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

import httpx
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import (
    IETF,
    REPLAYED_HEADERS,
    STRIPE,
    BodyField,
    Derived,
    Fingerprint,
    Header,
    IdempotencyError,
    IdempotencyPolicy,
    KeySyntax,
    Mismatch,
    Mode,
    Problem,
)
from django_idempotency.client import AsyncIdempotentTransport, IdempotentTransport, is_replay, key_of
from django_idempotency.contrib.celery import idempotent_task
from django_idempotency.decorators import idempotent
from django_idempotency.functions import idempotent_function
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import attribute, everyone
from django_idempotency.testing import assert_idempotent


def organization(request: HttpRequest) -> str | None:
    user: User | AnonymousUser = request.user
    return f"org:{user.pk}" if user.is_authenticated else None


def render(problem: Problem, request: HttpRequest) -> HttpResponse:
    assert_type(problem.status, int)
    assert_type(problem.code, str)
    assert_type(problem.retryable, bool)
    assert_type(problem.retry_after, int | None)
    assert_type(problem.headers, dict[str, str])
    return JsonResponse({"error": problem.code}, status=problem.status)


PAYMENTS = IdempotencyPolicy(
    keys=(Header("Idempotency-Key"), BodyField("op_id"), Derived(lambda request: str(request.path))),
    required=True,
    syntax=KeySyntax.LENIENT,
    scope=organization,
    fingerprint=Fingerprint.SEMANTIC,
    on_mismatch=Mismatch.REJECT,
    mode=Mode.ATOMIC,
    stored_errors=frozenset({402, 404}),
    replayed_headers=(*REPLAYED_HEADERS, "X-Request-Id"),
    lifetime=timedelta(days=7),
    renderer=render,
)
assert_type(PAYMENTS.but(required=False), IdempotencyPolicy)
assert_type(IETF.max_length, int)
assert_type(STRIPE.lifetime, timedelta | None)
NAMED = IdempotencyPolicy(
    scope="project.scopes.organization", renderer="project.problems.render", lifetime=None
)
BY_ATTRIBUTE = (IETF.but(scope=attribute("user.organization_id")), IETF.but(scope=everyone))


@idempotent
def bare(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@idempotent(PAYMENTS, before_replay=lambda request, record: None)
def with_policy(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(str(number))


@idempotent(PAYMENTS)
async def asynchronous(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@api_view(["POST"])
@idempotent(PAYMENTS)
def by_function(request: Request) -> Response:
    return Response()


@method_decorator(idempotent(PAYMENTS), name="post")
class ByDecorator(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class ByMixin(IdempotencyMixin, APIView):
    idempotency_policy = PAYMENTS

    def get_idempotency_policy(self) -> IdempotencyPolicy:
        return super().get_idempotency_policy().but(required=self.request.method == "POST")

    def before_replay(self, request: Request, record: IdempotencyRecord) -> None:
        assert_type(record.response_status, int | None)
        assert_type(record.scope, str)

    def validate_replay(self, request: Request) -> None:
        """Nothing to say."""

    def post(self, request: Request) -> Response:
        return Response()


@idempotent_function(IdempotencyPolicy(mode=Mode.LEASED), key=lambda order: str(order), scope="nightly")
def close(order: int, *, amount: int = 1) -> dict[str, int]:
    return {"amount": amount}


@idempotent_task
def by_message(label: str) -> str:
    return label


@idempotent_task(key=lambda label: label, scope=lambda label: f"tenant:{label}")
async def by_key(label: str) -> str:
    return label


def answer(error: IdempotencyError) -> str:
    assert_type(error.code, str)
    assert_type(error.detail, str)
    return error.title


def prove_it(client: Client) -> None:
    assert_idempotent(client, "POST", "/pay/", {"amount": 1}, other_client=client, unchanged=lambda: 1)


def call_it(request: HttpRequest) -> None:
    # A guarded view keeps its type.
    assert_type(bare(request, 1), HttpResponse)
    assert_type(with_policy(request, number=1), HttpResponse)


def call_functions() -> None:
    # So does a guarded function.
    assert_type(close(1, amount=2), dict[str, int])
    assert_type(by_message("m"), str)


def called(response: httpx.Response, error: httpx.RequestError) -> httpx.AsyncClient:
    with httpx.Client(
        transport=IdempotentTransport(httpx.HTTPTransport(), patience=20.0, attempts=2)
    ) as http:
        assert_type(http.send(error.request), httpx.Response)
    assert_type(key_of(response), str | None)
    assert_type(key_of(error.request), str | None)
    assert_type(is_replay(response), bool)
    return httpx.AsyncClient(transport=AsyncIdempotentTransport(httpx.AsyncHTTPTransport()))
