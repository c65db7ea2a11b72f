"""One guarded view."""

from __future__ import annotations

import secrets

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency.decorators import idempotent
from tests.app.models import Effect


@csrf_exempt
@idempotent
def pay(request: HttpRequest) -> JsonResponse:
    Effect.objects.create(label=request.headers["Idempotency-Key"])
    return JsonResponse({"token": secrets.token_hex(8)}, status=201)  # no two executions answer alike


urlpatterns = [path("pay/", pay, name="pay")]
