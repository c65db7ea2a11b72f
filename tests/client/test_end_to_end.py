"""The client and the guard together: a real server, whose worker dies between COMMIT and the answer."""

from __future__ import annotations

import asyncio
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from django_idempotency.client import AsyncIdempotentTransport, IdempotentTransport, is_replay, key_of
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.gate import PATIENCE, Gate
from tests.guarantee.server import APP
from tests.rig import Database
from tests.servers import NO_CERTIFICATES, Servers


def post(url: str, headers: dict[str, str], waits: list[float]) -> httpx.Response:
    transport = IdempotentTransport(httpx.HTTPTransport(verify=NO_CERTIFICATES), sleep=waits.append)
    with httpx.Client(transport=transport, timeout=PATIENCE) as http:
        return http.post(url, json={"label": "paid"}, headers=headers)


def post_async(url: str, headers: dict[str, str], waits: list[float]) -> httpx.Response:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> httpx.Response:
        transport = AsyncIdempotentTransport(httpx.AsyncHTTPTransport(verify=NO_CERTIFICATES), sleep=sleep)
        async with httpx.AsyncClient(transport=transport, timeout=PATIENCE) as http:
            return await http.post(url, json={"label": "paid"}, headers=headers)

    return asyncio.run(run())


@pytest.mark.parametrize("send", [post, post_async])
def test_a_lost_answer_is_replayed(database: Database, servers: Servers, send: Any) -> None:
    """REQ C: The work is committed, its answer lost, and one call of the client gets it all the same: one effect."""
    server = servers.of(database, APP, workers=3)
    waits: list[float] = []
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        headers = {**gate.headers, "X-Halt": "after the commit"}
        answered = pool.submit(send, f"{server.url}/refuses/", headers, waits)
        lost = gate.arrival()
        assert Effect.objects.count() == 1
        os.kill(lost.pid, signal.SIGKILL)
        response = answered.result()

    assert (response.status_code, response.text) == (201, lost.told["body"])
    assert is_replay(response)
    assert len(waits) == 1
    assert len(str(key_of(response))) == 36
    assert Effect.objects.count() == IdempotencyRecord.objects.count() == 1
