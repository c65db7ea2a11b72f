"""
A client that costs little of the machine: one process, kept connections, one request at a time on each.

    python -m benchmarks.race.client < orders

An order is a line of JSON, and so is what came of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from math import inf
from typing import cast

END = b"\r\n\r\n"
LENGTH = b"content-length:"
REPLAYED = b"\r\nidempotent-replayed: true"


@dataclass(frozen=True, kw_only=True)
class Order:
    """
    What is to be sent.

    Attributes:
        port: of the server.
        connections: how many.
        seconds: for how long, from when all of them are open; 0: one request on each connection, all at once.
        keys: asked in turns; empty: a fresh one each time.
        again: one request in so many repeats the key before it on its connection; 0: none.
        pause: seconds from an answer to the next request on its connection.
        after: seconds from now until it begins.
        path: where it is sent.
        body: with the key in place of KEY.
    """

    port: int
    connections: int
    seconds: float
    keys: list[str] = field(default_factory=list)
    again: int = 0
    pause: float = 0
    after: float = 0
    path: str = "/payments/"
    body: str = '{"reference": "KEY", "amount": 1}'

    def request(self, key: str) -> bytes:
        """The bytes of one request."""
        return request(key, path=self.path, body=self.body)


@dataclass
class Answers:
    """
    What came of an order.

    Attributes:
        statuses: how many answers had which.
        seconds: of each answer.
        rate: answers in a second. Each connection counts until its own last answer: nobody is idle meanwhile.
        replays: how many said that they are, in this package's words.
        keys: what was asked for, in no order.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    rate: float = 0.0
    replays: int = 0
    keys: set[str] = field(default_factory=set)


def request(key: str, *headers: str, path: str = Order.path, body: str = Order.body) -> bytes:
    body = body.replace("KEY", key)
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: {key}",
        *headers,
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class Connection(asyncio.Protocol):
    """One of them: as soon as it has an answer, it asks again."""

    def __init__(
        self, order: Order, answers: Answers, keys: Iterator[str], lost: Callable[[], object]
    ) -> None:
        self.began = time.perf_counter()
        self.until = inf
        self._answered = 0
        self._order = order
        self._answers = answers
        self._keys = keys
        self._lost = lost
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        key = next(self._keys)
        self._answers.keys.add(key)
        self._asked = time.perf_counter()
        self._transport.write(self._order.request(key))

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(END)
        if not end:
            return
        lower = head.lower()
        length = int(lower[lower.index(LENGTH) + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._got = b""
        now = time.perf_counter()
        self._answers.statuses[int(head[9:12])] += 1
        self._answers.seconds.append(now - self._asked)
        self._answers.replays += REPLAYED in lower
        self._answered += 1
        if now + self._order.pause >= self.until:
            self._answers.rate += self._answered / (now - self.began)
            self._transport.close()
        elif self._order.pause:
            asyncio.get_running_loop().call_later(self._order.pause, self.ask)
        else:
            self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()


async def carry_out(order: Order) -> Answers:
    """Send what an order asks for; every request has been answered, or its connection was lost, when it returns."""
    answers, loop = Answers(), asyncio.get_running_loop()
    ends = [loop.create_future() for _ in range(order.connections)]
    opened: list[Connection] = []
    await asyncio.sleep(order.after)
    for number, end in enumerate(ends):
        keys = cycle(turned(order.keys, number / len(ends))) if order.keys else fresh(order.again)
        make = partial(Connection, order, answers, keys, partial(end.set_result, None))
        connection = (await loop.create_connection(make, "127.0.0.1", order.port))[1]
        if order.pause:  # evenly over the pause; a thread of the server waits for the first request of each
            connection.ask()
            await asyncio.sleep(order.pause / len(ends))
        opened.append(connection)
    began = time.perf_counter()
    for connection in opened:
        connection.until = began + order.seconds
        if not order.pause:  # all at once
            connection.began = began
            connection.ask()
    await asyncio.gather(*ends)
    return answers


def turned(keys: list[str], part: float) -> list[str]:
    """The same keys from another one on: no two connections ask for one at the same time."""
    first = int(len(keys) * part)
    return keys[first:] + keys[:first]


def fresh(again: int) -> Iterator[str]:
    """New keys; one request in so many repeats the key before it."""
    key = str(uuid.uuid4())
    for number in range(1, sys.maxsize):
        yield key
        if not again or number % again:
            key = str(uuid.uuid4())


def main() -> None:
    for line in sys.stdin:
        answers = asyncio.run(carry_out(Order(**json.loads(line))))
        print(json.dumps({**vars(answers), "keys": sorted(answers.keys)}), flush=True)


if __name__ == "__main__":
    main()
