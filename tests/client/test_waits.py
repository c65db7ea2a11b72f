"""How long it waits between two attempts, and when it would rather not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from django_idempotency.client import AsyncIdempotentTransport, answers, operations
from tests.client.conftest import Caller
from tests.client.server import DONE, DROPPED, Answer, Script

# Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
NOW = 784111777.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It is NOW, as long as the test takes, and the client is far from Greenwich."""
    with monkeypatch.context() as patch:
        patch.setattr(answers, "time", SimpleNamespace(time=lambda: NOW))
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def test_pauses_double_up_to_eight_seconds(caller: Caller, no_jitter: None) -> None:
    """REQ C: 0.5 s, doubled each time, capped at 8 s; after an error of the network as after an answer."""
    caller.rules = {"attempts": 8}
    busy = Answer(429)
    caller.answers(Answer(503), DROPPED, busy, DROPPED, busy, DROPPED, busy, DONE).post(json=1)

    assert caller.waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


def test_pauses_differ(caller: Caller) -> None:
    """REQ C: With jitter: clients that failed together do not come back together."""
    caller.rules = {"attempts": 21}
    caller.answers(*[Answer(503)] * 20, DONE).post(json=1)

    longest = [0.5, 1, 2, 4, *[8] * 16]
    assert all(full / 2 <= wait <= full for wait, full in zip(caller.waits, longest, strict=True))
    assert len(set(caller.waits[4:])) > 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("3", 3),
        ("60", 60),
        ("61", 60),
        ("9" * 400, 60),
        ("Sun, 06 Nov 1994 08:49:57 GMT", 20),
        ("Sunday, 06-Nov-94 08:49:57 GMT", 20),
        ("Sun Nov  6 08:49:57 1994", 20),
        ("Sun, 06 Nov 1994 08:49:17 GMT", 0),
        (formatdate(NOW + 3600, usegmt=True), 60),
    ],
)
def test_retry_after_wins(caller: Caller, clock: None, value: str, seconds: float) -> None:
    """REQ C: Retry-After, seconds or any date of RFC 9110, takes the place of the pause, capped at 60 s."""
    caller.answers(Answer(503, {"Retry-After": value}), DONE).post(json=1)

    assert caller.waits == [seconds]


@pytest.mark.parametrize(
    "value",
    ["", "-1", "1.5", "soon", "1, 2", "²", "Sun, 99 Nov 1994 08:49:57 GMT", ",", "1 2 3 4 5", "0:0:0"],
)
def test_what_is_no_retry_after_is_ignored(caller: Caller, no_jitter: None, value: str) -> None:
    """REQ C: A value that means nothing leaves the pause as it was."""
    caller.answers(Answer(503, {"Retry-After": value.encode().decode("latin-1")}), DONE).post(json=1)

    assert caller.waits == [0.5]


def test_no_pause_outlasts_the_patience(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ C: Where the caller has said how long it waits, it gets the answer there is, and not a longer sleep."""
    ticks = iter([100.0, 103.0, 106.0])
    monkeypatch.setattr(operations, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    caller.rules = {"patience": 10}
    busy = Answer(503, {"Retry-After": "5"})
    response = caller.answers(busy, busy).post(json=1)

    assert (response.status_code, response.json()) == (503, {"id": 1})
    assert caller.waits == [5]


def test_no_pause_outlasts_a_deadline(script: Script, library: Any) -> None:
    """REQ C: A deadline of anyio is known: no sleep is begun that it would end."""
    caller = Caller(script, library, asynchronous=True)
    caller.answers(Answer(503, {"Retry-After": "20"}), Answer(503, {"Retry-After": "50"}))

    async def within(seconds: float) -> Any:
        with anyio.fail_after(seconds):
            return await caller._asend(lambda http: http.build_request("POST", script.url, json=1), {})

    assert asyncio.run(within(40)).status_code == 503
    assert caller.waits == [20]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_pause_can_be_cancelled(script: Script, library: Any, backend: str) -> None:
    """REQ C: Who stops waiting is not held up by a pause, and nothing more is sent."""
    script.answers[:] = [Answer(503, {"Retry-After": "50"})]

    async def cancelled() -> None:
        async with (
            library.AsyncClient(
                transport=AsyncIdempotentTransport(library.AsyncHTTPTransport(verify=False))
            ) as http,
            anyio.create_task_group() as group,
        ):
            group.start_soon(http.post, script.url)
            while not script.sent:
                await anyio.sleep(0)
            group.cancel_scope.cancel()

    anyio.run(cancelled, backend=backend)
    assert len(script.sent) == 1


def test_the_real_pauses_are_those_of_time_and_anyio(caller: Caller) -> None:
    """REQ C: Without a sleep of one's own, the transports wait by themselves."""
    caller.rules = {"sleep": None}
    response = caller.answers(Answer(503, {"Retry-After": "0"}), DONE).post(json=1)

    assert response.status_code == 201
