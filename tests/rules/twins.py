"""Each view twice, bare and guarded: what a hostile request does to one it may do to the other, and nothing worse."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import Fingerprint
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.rules.parts import OPEN

POLICIES = {
    "semantic": OPEN.but(methods=("POST", "PUT", "PATCH")),
    "raw": OPEN.but(methods=("POST", "PUT", "PATCH"), fingerprint=Fingerprint.RAW),
    "target": OPEN.but(methods=("POST", "PUT", "PATCH"), fingerprint=Fingerprint.TARGET),
}


def done(request: Any, size: int = 0) -> dict[str, int]:
    """Leave one effect, which tells the path that it was made at."""
    return {"id": Effect.objects.create(label=request.path, amount=size).pk}


def ignores(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Never look at the body."""
    return JsonResponse(done(request), status=201)


def reads_bytes(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Read the body as it came, whatever it says it is."""
    return JsonResponse(done(request, len(request.body)), status=201)


def reads_json(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Refuse what is no JSON."""
    try:
        data = json.loads(request.body)
    except ValueError:
        return JsonResponse({"error": "no JSON"}, status=400)
    return JsonResponse(done(request, len(data) if isinstance(data, list | dict) else 0), status=201)


def reads_form(request: HttpRequest, rest: str = "") -> HttpResponse:
    return JsonResponse(done(request, len(request.POST) + len(request.FILES)), status=201)


class Ignores(APIView):
    def post(self, request: Request, rest: str = "") -> Response:
        return Response(done(request), status=201)

    put = patch = post


class ReadsData(Ignores):
    def post(self, request: Request, rest: str = "") -> Response:
        data: Any = request.data
        return Response(done(request, len(data) if isinstance(data, list | dict) else 0), status=201)

    put = patch = post


class ReadsBytes(Ignores):
    """As the receiver of a webhook does, to check its signature; the data comes afterwards."""

    def post(self, request: Request, rest: str = "") -> Response:
        size = len(request.body)
        assert request.data is not None
        return Response(done(request, size), status=201)

    put = patch = post


FUNCTIONS = {"ignores": ignores, "bytes": reads_bytes, "json": reads_json, "form": reads_form}
CLASSES = {"drf-ignores": Ignores, "drf-data": ReadsData, "drf-bytes": ReadsBytes}
VIEWS = [*FUNCTIONS, *CLASSES]


def _guarded(view: type[APIView], name: str) -> type[APIView]:
    return type(f"Guarded{view.__name__}", (IdempotencyMixin, view), {"idempotency_policy": POLICIES[name]})


urlpatterns = [
    *[path(f"bare/{name}/<path:rest>", csrf_exempt(view)) for name, view in FUNCTIONS.items()],
    *[path(f"bare/{name}/<path:rest>", view.as_view()) for name, view in CLASSES.items()],
    *[
        path(f"{policy}/{name}/<path:rest>", csrf_exempt(idempotent(POLICIES[policy])(view)))
        for policy in POLICIES
        for name, view in FUNCTIONS.items()
    ],
    *[
        path(f"{policy}/{name}/<path:rest>", _guarded(view, policy).as_view())
        for policy in POLICIES
        for name, view in CLASSES.items()
    ],
]
