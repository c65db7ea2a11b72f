"""Django's pool of sessions, which a leased handler must not ask for another one while it holds one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import bind, extend
from tests.app.models import Effect
from tests.guarantee.gate import PATIENCE
from tests.leased.desk import code, leased, post
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql")]

SIZE = 3
together = Barrier(SIZE)


def work(request: HttpRequest) -> HttpResponse:
    together.wait(PATIENCE)  # each of them has a session of the pool by now, and there is no other
    extend()
    effect = Effect.objects.create(label="pooled")
    bind(effect)
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [path("pay/", leased(view=work))]


def test_as_many_handlers_as_sessions(database: Database) -> None:
    """REQ 8: handlers that hold all sessions of a pool are not left waiting for each other, and then unknown."""
    pool = {"min_size": 1, "max_size": SIZE, "timeout": 5}
    database.reconfigure(CONN_MAX_AGE=0, OPTIONS={"pool": pool})

    def send(number: int) -> tuple[int, str | None]:
        try:
            return code(post("/pay/", key=f"key-{number}"))
        finally:
            connections.close_all()

    try:
        connections.close_all()
        with ThreadPoolExecutor(SIZE) as threads:
            assert list(threads.map(send, range(SIZE))) == [(201, None)] * SIZE
        assert Effect.objects.count() == SIZE
    finally:
        connections.close_all()
        connection.close_pool()  # type: ignore[attr-defined]
