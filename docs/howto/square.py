"""Payments by Square's rules: https://developer.squareup.com/docs/build-basics/common-api-patterns/idempotency"""

from typing import Any

from django.http import HttpResponse
from django.urls import path
from rest_framework.generics import CreateAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from shop.models import Payment
from shop.serializers import PaymentSerializer

from django_idempotency import BodyField, IdempotencyPolicy, Problem
from django_idempotency.mixins import IdempotencyMixin

CODES = {
    "idempotency_key_required": "MISSING_REQUIRED_PARAMETER",
    "invalid_idempotency_key": "INVALID_VALUE",
    "invalid_body": "BAD_REQUEST",
    "idempotency_conflict": "IDEMPOTENCY_KEY_REUSED",
}


def error(status: int, code: str, detail: str, field: str | None = None) -> dict[str, Any]:
    """Square's errors are an array."""
    kinds = {401: "AUTHENTICATION_ERROR", 429: "RATE_LIMIT_ERROR"}
    category = "API_ERROR" if status >= 500 else kinds.get(status, "INVALID_REQUEST_ERROR")
    return {"errors": [{"category": category, "code": code, "detail": detail, "field": field}]}


def render(problem: Problem, request: Any) -> HttpResponse:
    code = CODES.get(problem.code, problem.code.upper())
    return Response(error(problem.status, code, problem.detail, "idempotency_key"), status=problem.status)


class Payments(IdempotencyMixin, CreateAPIView):
    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    permission_classes = (IsAuthenticated,)
    idempotency_policy = IdempotencyPolicy(
        keys=(BodyField("idempotency_key"),),
        required=True,
        max_length=45,
        mismatch_status=400,
        renderer=render,
    )

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        code = getattr(exc, "default_code", "invalid").upper()
        response.data = error(response.status_code, code, str(getattr(exc, "detail", exc)))
        return response


urlpatterns = [path("v2/payments", Payments.as_view(), name="create-payment")]
