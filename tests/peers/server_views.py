"""A slow view, and an unrelated one, in one process with few threads."""

from __future__ import annotations

import threading

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import IdempotencyPolicy, scopes
from django_idempotency.decorators import idempotent
from tests.app.models import Effect

PATIENCE = 60

begun = threading.Event()
released = threading.Event()


@csrf_exempt
@idempotent(IdempotencyPolicy(scope=scopes.everyone))
def slow(request: HttpRequest) -> HttpResponse:
    Effect.objects.create(label="slow")
    begun.set()
    return HttpResponse("done", status=201 if released.wait(PATIENCE) else 500)


def unrelated(request: HttpRequest) -> HttpResponse:
    if "release" in request.GET:
        released.set()
    return HttpResponse("begun" if begun.is_set() else "")


urlpatterns = [path("slow/", slow, name="slow"), path("unrelated/", unrelated, name="unrelated")]
