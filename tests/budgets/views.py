"""One insert, bare and guarded; the difference is what the guard costs."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IETF, IdempotencyPolicy, KeySyntax
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.scopes import everyone
from tests.app.models import Effect

POLICY = IdempotencyPolicy(scope=everyone)


def insert(request: HttpRequest) -> JsonResponse:
    effect = Effect.objects.create(label="paid", amount=1)
    return JsonResponse({"id": effect.pk}, status=201)


@transaction.atomic
def bare(request: HttpRequest) -> JsonResponse:
    return insert(request)


class BareInsert(APIView):
    def post(self, request: Request) -> Response:
        return Response({"id": Effect.objects.create(label="paid", amount=1).pk}, status=201)


class Insert(IdempotencyMixin, BareInsert):
    idempotency_policy = POLICY


urlpatterns = [
    path("bare/", bare),
    path("bare-drf/", transaction.atomic(BareInsert.as_view())),
    path("decorated/", idempotent(POLICY)(insert)),
    path("mixin/", Insert.as_view()),
    path("stores-errors/", idempotent(IETF.but(scope=everyone, syntax=KeySyntax.LENIENT))(insert)),
]
