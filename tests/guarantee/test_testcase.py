"""A user's own tests: django.test.TestCase holds each of them in a transaction that never commits."""

from __future__ import annotations

import json
import unittest
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import TestCase
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IETF, KeySyntax
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]

HOOKS: list[str] = []


def work(data: Any) -> dict[str, str]:
    Effect.objects.create(label="paid")
    transaction.on_commit(lambda: HOOKS.append("hook"))
    if data.get("bug"):
        raise RuntimeError("out of paper")
    if data.get("invalid"):
        raise ValidationError({"invalid": ["yes"]})
    return {"token": str(Effect.objects.count())}


@idempotent(POLICY)
def decorated(request: HttpRequest) -> HttpResponse:
    try:
        return JsonResponse(work(json.loads(request.body)), status=201)
    except ValidationError:
        return HttpResponse(status=400)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(request.data), status=201)


class Storing(Mixed):
    idempotency_policy = IETF.but(scope=POLICY.scope, syntax=KeySyntax.LENIENT)


urlpatterns = [
    path("decorated/", decorated),
    path("mixin/", Mixed.as_view()),
    path("storing/", Storing.as_view()),
]


class Users(TestCase):
    """What a user may write; run below, on each database."""

    __test__ = False
    face = ""

    @classmethod
    def setUpTestData(cls) -> None:
        Effect.objects.create(label="of the class")

    def post(self, key: str = "key-1", **data: Any) -> Any:
        return self.client.post(
            self.face, data, content_type="application/json", headers={"Idempotency-Key": key}
        )

    def count(self) -> tuple[int, int]:
        return Effect.objects.count(), IdempotencyRecord.objects.count()

    def test_replay(self) -> None:
        first, again = self.post(), self.post()
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.content == first.content
        assert again.headers[REPLAYED] == "true"
        assert self.count() == (2, 1)

    def test_mismatch(self) -> None:
        self.post()
        assert self.post(amount=2).status_code == 422
        assert self.count() == (2, 1)
        assert self.post("key-2", amount=2).status_code == 201

    def test_refusal(self) -> None:
        mine = Effect.objects.create(label="of the test")
        for _ in range(2):
            assert self.post(invalid=True).status_code == 400
            assert Effect.objects.filter(pk=mine.pk).exists()
        assert Effect.objects.count() == 2
        assert self.post("key-2").status_code == 201
        assert Effect.objects.count() == 3

    def test_exception(self) -> None:
        with self.assertRaisesMessage(RuntimeError, "out of paper"):
            self.post(bug=True)
        assert self.count() == (1, 0)
        assert self.post().status_code == 201
        assert self.count() == (2, 1)

    def test_hooks(self) -> None:
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            self.post()
        assert len(callbacks) == 1, callbacks
        assert HOOKS == ["hook"]
        with self.captureOnCommitCallbacks() as callbacks:
            self.post()
        assert callbacks == []


def failures(name: str, face: str) -> str:
    """Run one of them, and return its traceback."""
    case = type("UsersOwn", (Users,), {"face": face})(name)
    result = unittest.TestResult()
    unittest.TestSuite([case]).run(result)
    assert result.testsRun == 1
    return "\n".join(text for _, text in [*result.failures, *result.errors])


@pytest.mark.parametrize("face", ["/decorated/", "/mixin/", "/storing/"])
@pytest.mark.parametrize("name", unittest.TestLoader().getTestCaseNames(Users))
def test_a_users_testcase(face: str, name: str) -> None:
    """REQ 2: Replay, mismatch, refusal and exception behave in a TestCase as anywhere, and leave its transaction whole."""
    HOOKS.clear()
    assert failures(name, face) == ""
    assert not Effect.objects.exists()
    assert not IdempotencyRecord.objects.exists()
