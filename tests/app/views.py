"""Views without any protection; the tests of the package put it around views of their own."""

from __future__ import annotations

import os

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from tests.app.models import Effect


def pid(request: HttpRequest) -> HttpResponse:
    """Tell which process answers."""
    return HttpResponse(str(os.getpid()), content_type="text/plain")


@csrf_exempt
@require_POST
def insert_effect(request: HttpRequest) -> JsonResponse:
    effect = Effect.objects.create(label=request.POST["label"], amount=int(request.POST.get("amount", 0)))
    return JsonResponse({"id": effect.pk, "pid": os.getpid()}, status=201)
