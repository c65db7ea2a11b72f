"""Clients that retry, alone and in crowds."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.guarantee.gate import PATIENCE
from tests.servers import PAUSE, Server, http_client

REPLAYED = "Idempotent-Replayed"


class Client:
    """One client of one endpoint of a server."""

    def __init__(self, server: Server, name: str = "refuses") -> None:
        self.url = f"{server.url}/{name}/"

    def post(self, key: str = "key-1", headers: dict[str, str] | None = None, **data: Any) -> httpx.Response:
        body = {"label": "paid", **data}
        # Over a connection of its own, to whichever worker is there.
        with http_client(timeout=PATIENCE) as http:
            return http.post(self.url, json=body, headers={"Idempotency-Key": key, **(headers or {})})

    def retry(self, key: str = "key-1", within: float = PATIENCE, **data: Any) -> httpx.Response:
        """Ask again as long as the answer says that a retry may help."""
        deadline = time.monotonic() + within
        while True:
            response = self.post(key, **data)
            if response.status_code not in (409, 503) or time.monotonic() > deadline:
                return response
            assert_may_retry(response)
            time.sleep(PAUSE)

    def at_once(self, requests: Sequence[dict[str, Any]]) -> list[httpx.Response]:
        """Send all of these at the same moment, each from a thread of its own."""
        barrier = threading.Barrier(len(requests))

        def send(request: dict[str, Any]) -> httpx.Response:
            barrier.wait(PATIENCE)
            return self.post(**request)

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))


def assert_may_retry(response: httpx.Response) -> None:
    """A refusal that a later retry of the same request overcomes says so."""
    assert response.status_code in (409, 503)
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["X-Should-Retry"] == "true"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (
        response.json()["code"]
        in {409: ["idempotency_in_progress"], 503: ["idempotency_unavailable"]}[response.status_code]
    )


def assert_replay(response: httpx.Response, first: httpx.Response) -> None:
    """The same answer again, marked as such."""
    assert response.status_code == first.status_code
    assert response.content == first.content
    assert response.headers["Content-Type"] == first.headers["Content-Type"]
    assert response.headers.get(REPLAYED) == "true"
