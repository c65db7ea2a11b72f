"""Payments by Square's rules: https://developer.squareup.com/docs/build-basics/common-api-patterns/idempotency"""

from typing import Any

from django.http import HttpResponse
from django.urls import path
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import ValidationError
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
    "idempotency_conflict": "IDEMPOTENCY_KEY_REUSED",
}


def error(status: int, code: str, detail: str, field: str | None = None) -> dict[str, Any]:
    """One of Square's array of errors."""
    kinds = {401: "AUTHENTICATION_ERROR", 429: "RATE_LIMIT_ERROR"}
    category = "API_ERROR" if status >= 500 else kinds.get(status, "INVALID_REQUEST_ERROR")
    return {"category": category, "code": code, "detail": detail, "field": field}


def render(problem: Problem, request: Any) -> HttpResponse:
    code = CODES.get(problem.code, problem.code.upper())
    field = "idempotency_key" if problem.code in CODES else None
    return Response({"errors": [error(problem.status, code, problem.detail, field)]}, status=problem.status)


class Payments(IdempotencyMixin, CreateAPIView):
    queryset = Payment.objects.all()
    serializer_class = PaymentSerializer
    authentication_classes = (TokenAuthentication,)
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
        said = response.data if isinstance(exc, ValidationError) else {None: [response.data["detail"]]}
        found = [(each.code.upper(), each, field) for field in said for each in said[field]]
        response.data = {"errors": [error(response.status_code, *each) for each in found]}
        return response


urlpatterns = [path("v2/payments", Payments.as_view(), name="create-payment")]
