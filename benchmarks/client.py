"""A client in one process that costs little of the machine: what it measures is to be the server's."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

# A connection each, as proxies make them by default: no worker is tied to some of the clients.
REQUEST = (
    "POST /insert/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    "Content-Type: application/json\r\nContent-Length: 13\r\nIdempotency-Key: {key}\r\n\r\n"
    '{{"amount": 1}}'
)
# Seconds that a server which has fallen behind may take longer than the round.
PATIENCE = 60


class Refused(Exception):
    """The server did not do what a fresh key asked for; the message is its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """
    What came of requests that were due at a constant rate.

    Attributes:
        seconds: from when each was due until it was answered; in no order.
        in_time: the part that was answered before the time was over.
    """

    seconds: list[float]
    in_time: float

    @property
    def p50(self) -> float:
        return median(self.seconds)

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[98]


def at_rate(url: str, rate: float, seconds: float) -> Answers:
    """Send fresh keys at fixed times, whether or not earlier ones have come back."""
    return _run(_at_rate(url, rate, seconds), seconds)


def capacity(url: str, seconds: float, clients: int = 16) -> float:
    """Tell how many fresh keys are answered in a second, where each client sends one after another."""
    return _run(_saturate(url, seconds, clients), seconds)


def _run(work: Coroutine[Any, Any, T], seconds: float) -> T:
    return asyncio.run(asyncio.wait_for(work, seconds + PATIENCE))


async def _at_rate(url: str, rate: float, seconds: float) -> Answers:
    now = asyncio.get_running_loop().time
    began, taken = now(), list[float]()

    async def one(due: float) -> None:
        await _ask(url)
        taken.append(now() - due)

    requests = round(rate * seconds)
    async with asyncio.TaskGroup() as group:
        for number in range(requests):
            due = began + number / rate
            await asyncio.sleep(due - now())
            group.create_task(one(due))
        await asyncio.sleep(began + seconds - now())
        in_time = len(taken) / requests
    return Answers(seconds=taken, in_time=in_time)


async def _saturate(url: str, seconds: float, clients: int) -> float:
    now = asyncio.get_running_loop().time
    end, answered = now() + seconds, itertools.count()

    async def one() -> None:
        while now() < end:
            await _ask(url)
            next(answered)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(one())
    return next(answered) / seconds


async def _ask(url: str) -> None:
    """Send one fresh key, and read the answer to its end."""
    server = urlsplit(url)
    reader, writer = await asyncio.open_connection(server.hostname, server.port)
    try:
        writer.write(REQUEST.format(key=uuid.uuid4()).encode())
        answer = await reader.read()
    finally:
        writer.close()
    if not answer.startswith(b"HTTP/1.1 201 "):
        raise Refused(answer.decode(errors="replace"))
