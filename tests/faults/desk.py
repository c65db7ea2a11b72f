"""A client of one key, and what it can find out afterwards: what was done, in the database and outside of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import httpx
from django.db.models.functions import Now
from django.utils import timezone

from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.faults.server import CONTENT_TYPE
from tests.guarantee.clients import REPLAYED, assert_may_retry
from tests.guarantee.gate import PATIENCE
from tests.guarantee.wire import Wire
from tests.servers import PAUSE, Server

# Seconds. Far below every lease and every timeout, and enough for a busy machine.
AT_ONCE = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running server, and what there is around it."""

    server: Server
    # One line for each time that a handler reached the outside world.
    outside: Path
    http: httpx.Client
    # Between the server and its database, where a test wants to lose something there.
    wire: Wire | None = None

    def client(self, name: str) -> Client:
        return Client(self, name)


class Client:
    """One client of one endpoint, with one key of its own."""

    def __init__(self, site: Site, name: str, key: str | None = None) -> None:
        self.site = site
        self.name = name
        self.key = key or uuid4().hex

    def at(self, site: Site) -> Client:
        """The same client, of another server."""
        return Client(site, self.name, self.key)

    def post(
        self, headers: dict[str, str] | None = None, *, amount: int = 1, patience: float = PATIENCE
    ) -> httpx.Response:
        return self.site.http.post(
            f"{self.site.server.url}/{self.name}/",
            json={"amount": amount},
            headers={"Idempotency-Key": self.key, **(headers or {})},
            timeout=patience,
        )

    def at_once(self, times: int) -> list[httpx.Response]:
        """Send equal requests at the same moment, each from a thread of its own."""
        barrier = Barrier(times)

        def send(_: int) -> httpx.Response:
            barrier.wait(PATIENCE)
            return self.post()

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(send, range(times)))

    def retry(self, within: float = PATIENCE) -> httpx.Response:
        """Ask again as long as the answer says that a retry may help."""
        deadline = time.monotonic() + within
        while (response := self.post()).headers.get("X-Should-Retry") == "true":
            assert_may_retry(response)
            assert time.monotonic() < deadline, response.text
            time.sleep(PAUSE)
        return response

    # -- What became of it -------------------------------------------------------------------------

    @property
    def effects(self) -> int:
        """How often it was done in the database."""
        return Effect.objects.filter(label=self.key).count()

    @property
    def outside(self) -> list[str]:
        """The downstream key of each time that it was done outside."""
        lines = (line.split() for line in self.site.outside.read_text().splitlines())
        return [downstream for key, downstream in lines if key == self.key]

    @property
    def done(self) -> tuple[int, int]:
        """How often it was done in the database and outside, the latter always under the same downstream key."""
        outside = self.outside
        assert len(set(outside)) <= 1, outside
        return self.effects, len(outside)

    @property
    def row(self) -> dict[str, Any] | None:
        """Every column of the record."""
        row = IdempotencyRecord.objects.filter(key=self.key).values().first()
        # MariaDB's driver gives bytes, PostgreSQL's a view of them.
        return row and {name: bytes(v) if isinstance(v, memoryview) else v for name, v in row.items()}

    @property
    def record(self) -> IdempotencyRecord:
        return IdempotencyRecord.objects.get(key=self.key)

    @property
    def lapsed(self) -> bool:
        """Whether the lease is over, by the database's clock."""
        return IdempotencyRecord.objects.filter(key=self.key, lease_expires_at__lte=Now()).exists()

    def lapse(self) -> None:
        """Let the lease be over: the row moves, and no clock does."""
        past = timezone.now() - timedelta(days=1)
        moved = IdempotencyRecord.objects.filter(key=self.key, state="in_progress")
        assert moved.update(lease_expires_at=past) == 1

    def expire(self) -> None:
        """Let the lifetime of what is stored be over."""
        past = timezone.now() - timedelta(days=1)
        assert IdempotencyRecord.objects.filter(key=self.key).update(expires_at=past) == 1


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(PAUSE)


def assert_in_progress(response: httpx.Response) -> None:
    """409, and come again."""
    assert_may_retry(response)
    assert (response.status_code, response.headers["Retry-After"]) == (409, "1")


def assert_unknown(response: httpx.Response) -> None:
    """409 for good: no retry tells more."""
    assert response.status_code == 409, response.text
    assert response.json()["code"] == "outcome_unknown"
    assert response.headers["X-Should-Retry"] == "false"
    assert "Retry-After" not in response.headers


def assert_unavailable(response: httpx.Response) -> None:
    """503, and come again."""
    assert_may_retry(response)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


def assert_ran(response: httpx.Response) -> None:
    """A success of this very request, not one that is handed out again."""
    assert response.status_code == 201, response.text
    assert response.headers["Content-Type"] == CONTENT_TYPE
    assert REPLAYED not in response.headers
