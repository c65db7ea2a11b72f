"""Mode leased through the mixin, an async view and a test case."""

from __future__ import annotations

import unittest

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import TestCase
from django.urls import path
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import IntegerField, Serializer
from rest_framework.views import APIView

from django_idempotency import abind, aextend, bind, downstream_key, extend, harmless
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.leased.desk import LEASED, OUTSIDE, code, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)


class Amount(Serializer):
    amount = IntegerField(min_value=1)


class Declined(APIException):
    status_code = 402


class Pay(IdempotencyMixin, APIView):
    idempotency_policy = LEASED

    def post(self, request: Request) -> Response:
        serializer = Amount(data=request.data)
        with harmless():
            serializer.is_valid(raise_exception=True)
        amount = serializer.validated_data["amount"]
        OUTSIDE.append(downstream_key())
        if amount == 402:
            raise Declined
        return Response({"id": Effect.objects.create(label="charge", amount=amount).pk}, status=201)


class StoringPay(Pay):
    idempotency_policy = LEASED.but(stored_errors=frozenset({402}))


async def pay(request: HttpRequest) -> JsonResponse:
    effect = await Effect.objects.acreate(label="charge")
    OUTSIDE.append(downstream_key())
    await abind(effect)
    await aextend()
    return JsonResponse({"id": effect.pk}, status=201)


def extending(request: HttpRequest) -> JsonResponse:
    effect = Effect.objects.create(label="charge")
    bind(effect)
    extend()
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [
    path("pay/", Pay.as_view()),
    path("storing/", StoringPay.as_view()),
    path("async/", leased(view=pay)),  # type: ignore[arg-type]
    path("extending/", leased(view=extending)),
]


@pytest.fixture(autouse=True)
def _nothing_outside() -> None:
    OUTSIDE.clear()


@pytest.mark.parametrize("url", ["/pay/", "/storing/"])
def test_validation_frees_the_key(database: Database, url: str) -> None:
    """REQ 10: a refusal before the first effect is DRF's own 400, and the corrected request runs under the key."""
    refused = post(url, amount=0)
    assert (refused.status_code, refused.json()) == (
        400,
        {"amount": ["Ensure this value is greater than or equal to 1."]},
    )
    assert IdempotencyRecord.objects.count() == 0
    first = post(url, amount=1)
    assert (first.status_code, post(url, amount=1).content) == (201, first.content)
    assert (Effect.objects.count(), len(OUTSIDE)) == (1, 1)


def test_a_refusal_after_the_first_effect_is_unknown(database: Database) -> None:
    """REQ 8: an exception is no answer, also where the framework makes a 4xx of it."""
    assert post("/pay/", amount=402).status_code == 402
    assert code(post("/pay/", amount=402)) == (409, "outcome_unknown")
    assert len(OUTSIDE) == 1


def test_a_refusal_that_the_policy_stores_is_final(database: Database) -> None:
    """REQ 10: raised or returned, an error that the policy stores is the answer."""
    first, again = post("/storing/", amount=402), post("/storing/", amount=402)
    assert (again.status_code, again.content) == (402, first.content)
    assert (len(OUTSIDE), record().state) == (1, "completed")


def test_an_async_view(database: Database) -> None:
    """REQ 29: the same from the event loop."""
    first = post("/async/")
    assert (first.status_code, post("/async/").content) == (201, first.content)
    assert (len(OUTSIDE), record().resource_type) == (1, "app.effect")


class InATestCase(TestCase):
    __test__ = False  # run by the test below, on each database

    def test_it_works_inside_a_test_case(self) -> None:
        """A user's own tests, each in a transaction, may call leased views."""
        first = post("/extending/")
        assert (first.status_code, post("/extending/").content) == (201, first.content)
        assert record().state == "completed"
        assert post("/pay/", key="key-2", amount=402).status_code == 402
        assert code(post("/pay/", key="key-2", amount=402)) == (409, "outcome_unknown")


def test_in_a_test_case(database: Database) -> None:
    """REQ 30: django.test.TestCase wraps each test in a transaction, which mode leased takes for none."""
    result = unittest.TestResult()
    unittest.TestSuite([InATestCase("test_it_works_inside_a_test_case")]).run(result)
    assert result.wasSuccessful(), result.errors + result.failures
    assert Effect.objects.count() == 0
