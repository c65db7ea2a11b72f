"""The path between worker and database breaks, and the server does not hear of it: its session keeps its locks."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event
from typing import Any

import pytest
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import IdempotencyPolicy
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.guarantee import wire as wiring
from tests.guarantee.wire import Lose, Wire, hang_up
from tests.leased.desk import LEASED, OUTSIDE, charge, code, leased, post
from tests.leased.test_fencing import elsewhere
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql", "mariadb")]

# Seconds; whoever waits for the lost session waits for as long as it is there.
AT_ONCE = 20.0
# Armed by the handler: the path breaks at the next COMMIT.
ARMED: list[Wire] = []
RAN: list[str] = []
MEANWHILE: list[Any] = []


class HalfOpen(Wire):
    """Breaks on the worker's side only."""

    kept: list[socket.socket]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = []

    def _ask(self, client: socket.socket, server: socket.socket, lost: Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self._loses(data) is not None:
                    lost.set()
                    self.kept.append(server)
                    hang_up(client)
                    return
                server.sendall(data)
        hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket, lost: Event) -> None:
        with suppress(OSError):
            while (data := server.recv(65536)) and not lost.is_set():
                client.sendall(data)
        if not lost.is_set():
            hang_up(client, server)


def armed(request: HttpRequest) -> HttpResponse:
    response = charge(request)
    if ARMED:
        ARMED.pop().lose = Lose.COMMIT
    return response


def counted(request: HttpRequest) -> HttpResponse:
    RAN.append(request.path)
    effect = Effect.objects.create(label="paid")
    if MEANWHILE:
        MEANWHILE.pop()()
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [
    path("leased/", leased(LEASED, armed)),
    path("before/", leased(IdempotencyPolicy(scope=everyone, endpoint="pay"), counted)),
    path("after/", leased(LEASED.but(endpoint="pay"), counted)),
]


@pytest.fixture
def wire(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[HalfOpen]:
    OUTSIDE.clear()
    ARMED.clear()
    monkeypatch.setattr(wiring, "Wire", HalfOpen)
    with wiring.wired(database) as found:
        assert isinstance(found, HalfOpen)
        try:
            yield found
        finally:
            hang_up(*found.kept)


def asked() -> tuple[int, str | None]:
    """Send a request, which is answered while the lost session is still there."""

    def ask() -> tuple[int, str | None]:
        try:
            return code(post("/leased/"))
        finally:
            connections.close_all()

    pool = ThreadPoolExecutor(1)
    try:
        return pool.submit(ask).result(AT_ONCE)
    finally:
        pool.shutdown(wait=False)


def test_at_the_commit_of_the_work(wire: HalfOpen) -> None:
    """REQ 24: 503 at once; the claim lapses by itself, since the lost session holds its row."""
    ARMED.append(wire)
    assert asked() == (503, "idempotency_unavailable")
    assert asked() == (409, "idempotency_in_progress")
    assert len(OUTSIDE) == 1


def test_at_the_commit_of_the_claim(wire: HalfOpen) -> None:
    """REQ 11, 24: 503 at once, and each retry is told that the first is still running: none waits, none runs."""
    wire.lose = Lose.COMMIT
    assert asked() == (503, "idempotency_unavailable")
    assert asked() == (409, "idempotency_in_progress")
    assert OUTSIDE == []


def test_a_policy_that_changes_its_mode(database: Database) -> None:
    """PROTOCOL: while a deployment rolls out, a request of the old mode and one of the new do not run side by side."""
    RAN.clear()
    answers: list[tuple[int, str | None]] = []
    MEANWHILE[:] = [lambda: answers.append(elsewhere(lambda: code(post("/after/"))))]
    assert post("/before/").status_code == 201
    assert answers == [(409, "idempotency_in_progress")]
    assert RAN == ["/before/"]
