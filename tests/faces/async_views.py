"""Asynchronous views under `@idempotent`, as the tests call them in this process and in a server's."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import IdempotencyPolicy, Mode, scopes
from django_idempotency.decorators import idempotent
from tests.app.models import Effect

OPEN = IdempotencyPolicy(scope=lambda request: request.headers.get("X-Caller"))
WAITING = OPEN.but(in_flight_wait=30.0)
STORING = OPEN.but(stored_errors=frozenset({404}))
PAUSE = 0.5
CROWD = 6
PATIENCE = 30

arrived: list[str] = []
crowd = asyncio.Barrier(CROWD)


async def pay(request: HttpRequest) -> JsonResponse:
    """Leave one effect, before and after a pause."""
    effect = await Effect.objects.acreate(label=request.GET.get("label", "x"))
    if "pause" in request.GET:
        await asyncio.sleep(PAUSE)
        await sync_to_async(Effect.objects.filter(pk=effect.pk).update)(amount=1)
    return JsonResponse({"id": effect.pk, "size": len(request.body)}, status=201)


@idempotent(OPEN)
async def failing(request: HttpRequest) -> HttpResponse:
    await Effect.objects.acreate(label="undone")
    if "missing" in request.GET:
        raise Http404
    if "refused" in request.GET:
        return HttpResponse(status=400)
    raise ValueError("the view's own")


@idempotent(STORING)
async def missing(request: HttpRequest) -> HttpResponse:
    await Effect.objects.acreate(label="undone")
    raise Http404


async def meeting(request: HttpRequest) -> HttpResponse:
    """Answer when so many requests are in this view at once."""
    await Effect.objects.acreate(label="met")
    async with asyncio.timeout(PATIENCE):
        await crowd.wait()
    return HttpResponse("met", status=201)


async def arrivals(request: HttpRequest) -> JsonResponse:
    return JsonResponse(arrived, safe=False)


async def endless(request: HttpRequest) -> HttpResponse:
    """Leave one effect, and never answer a client that asks for it."""
    await Effect.objects.acreate(label="of a client that left")
    if request.headers.get("X-Wait"):
        arrived.append("endless")
        await asyncio.sleep(3600)
    return HttpResponse("done", status=201)


class Direct(View):
    @idempotent(OPEN)
    async def post(self, request: HttpRequest) -> JsonResponse:
        return await pay(request)


@method_decorator(idempotent(OPEN), name="post")
class Named(View):
    async def post(self, request: HttpRequest) -> JsonResponse:
        return await pay(request)


class Whole(View):
    async def post(self, request: HttpRequest) -> JsonResponse:
        return await pay(request)


@idempotent
async def session(request: HttpRequest) -> JsonResponse:
    return await pay(request)


@idempotent(OPEN.but(scope=scopes.everyone), before_replay=lambda request, record: look(request, record))
async def hooked(request: HttpRequest) -> JsonResponse:
    return await pay(request)


def look(request: Any, record: Any) -> None:
    if record.completed_at is None or request.headers.get("X-Hide"):
        raise Http404


urlpatterns = [
    path("pay/", csrf_exempt(idempotent(OPEN)(pay)), name="pay"),
    path("waiting/", idempotent(WAITING)(pay), name="waiting"),
    path("failing/", failing, name="failing"),
    path("missing/", missing, name="missing"),
    path("meeting/", idempotent(OPEN)(meeting), name="meeting"),
    path("arrivals/", arrivals, name="arrivals"),
    path("endless/", idempotent(OPEN)(endless), name="endless"),
    path("endless-leased/", idempotent(OPEN.but(mode=Mode.LEASED))(endless), name="endless-leased"),
    path("direct/", Direct.as_view(), name="direct"),
    path("named/", Named.as_view(), name="named"),
    path("whole/", idempotent(OPEN)(Whole.as_view()), name="whole"),
    path("session/", session, name="session"),
    path("hooked/", hooked, name="hooked"),
]
