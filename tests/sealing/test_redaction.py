"""What a view lets be stored of its response."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from pytest_django.fixtures import Settings
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import Unknown
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.leased.desk import abandoned
from tests.rig import Database
from tests.sealing.desk import ANSWER, FIRST, KEY, LEASED, POLICY, SECRET, encrypting, pay, post, stored

pytestmark = pytest.mark.urls(__name__)


def redacted(request: Any, body: bytes) -> bytes:
    assert request.method == "POST"
    return json.dumps({**json.loads(body), "secret": None}).encode()


def fail(request: Any, body: bytes) -> bytes:
    raise RuntimeError("no")


def wrong(request: Any, body: bytes) -> Any:
    return json.loads(body)


def query(request: Any, body: bytes) -> bytes:
    Effect.objects.create(pk=Effect.objects.get().pk, label="twice")
    return body


async def later(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"secret": ANSWER})


def find_out(lost: IdempotencyRecord) -> JsonResponse:
    return JsonResponse({"secret": ANSWER}, status=201)


def turn_away(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"secret": ANSWER}, status=422)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        effect = Effect.objects.create(label="paid")
        return Response({"id": effect.pk, "secret": ANSWER}, status=201)

    def redact_response(self, request: Request, body: bytes) -> bytes:
        return redacted(request, body)


class Refusing(Mixed):
    def redact_response(self, request: Request, body: bytes) -> bytes:
        raise ValidationError("no")


ASKED = LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=find_out)
urlpatterns = [
    path("atomic/", idempotent(POLICY, redact=redacted)(pay)),
    path("leased/", idempotent(LEASED, redact=redacted)(pay)),
    path("async/", idempotent(POLICY, redact=redacted)(later)),
    path("mixin/", Mixed.as_view()),
    path("refusing/", Refusing.as_view()),
    path("asked/", idempotent(ASKED, redact=redacted)(pay)),
    path("errors/", idempotent(POLICY.but(stored_errors=frozenset({422})), redact=redacted)(turn_away)),
    path("small/", idempotent(POLICY.but(max_body_size=1), redact=fail)(pay)),
    path("fail/", idempotent(POLICY, redact=fail)(pay)),
    path("wrong/", idempotent(POLICY, redact=wrong)(pay)),
    path("query/", idempotent(POLICY, redact=query)(pay)),
    path("fail-leased/", idempotent(LEASED, redact=fail)(pay)),
]


@pytest.mark.parametrize("url", ["/atomic/", "/leased/", "/async/", "/mixin/", "/errors/"])
@pytest.mark.parametrize("key", [None, FIRST], ids=["plain", "encrypted"])
@pytest.mark.databases("sqlite")
def test_the_first_caller_alone_sees_the_secret(
    database: Database, settings: Settings, url: str, key: str | None
) -> None:
    """REQ 23: the first answer is the handler's, and what is stored and replayed is the redacted one."""
    if key is not None:
        encrypting(settings, key)
    first = post(url)
    assert first.json()["secret"] == ANSWER
    assert SECRET.encode() not in stored()
    retry = post(url)
    assert retry.headers["Idempotent-Replayed"] == "true"
    assert (retry.status_code, retry.json()) == (first.status_code, {**first.json(), "secret": None})


@pytest.mark.databases("sqlite")
def test_what_a_reconcile_hook_found_is_redacted(database: Database) -> None:
    """REQ 23: every response that is stored for the view passes its redaction."""
    post("/asked/")
    abandoned(KEY)
    assert post("/asked/").json() == {"secret": None}


@pytest.mark.databases("sqlite")
def test_what_is_not_stored_is_not_redacted(database: Database) -> None:
    """REQ 23: the hook of a response that is too large to be kept is not asked."""
    assert post("/small/").json()["secret"] == ANSWER


@pytest.mark.parametrize(
    ("url", "status"),
    [("/fail/", 500), ("/wrong/", 500), ("/query/", 500), ("/refusing/", 400)],
)
def test_a_redaction_that_fails_is_the_handlers_failure(database: Database, url: str, status: int) -> None:
    """REQ 23: all is rolled back, the key is free, and nothing is stored as it was not meant to be."""
    for _ in range(2):
        assert post(url).status_code == status
        assert (Effect.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)


def test_a_redaction_that_fails_in_mode_leased(database: Database) -> None:
    """REQ 23: as after any exception, nothing is kept, and nobody knows what was done outside."""
    assert post("/fail-leased/").status_code == 500
    assert Effect.objects.count() == 0
    assert post("/fail-leased/").json()["code"] == "outcome_unknown"
