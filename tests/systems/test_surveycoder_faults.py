"""SurveyCoder on a bad network, with clients that send again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.systems.live import Live, answered, assert_replay, new_key
from tests.systems.surveycoder import (
    CODE,
    PROJECTS,
    after,
    another_server,
    body_of,
    every_post,
    made,
    post,
    refusal,
    tally,
)


def attempt(send: Callable[[], httpx.Response]) -> httpx.Response | None:
    """Send once; None when the connection breaks."""
    try:
        return send()
    except httpx.TransportError:
        return None


@every_post
@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        ("fail-before", 503, False),
        ("fail-after", 500, False),
        ("drop", None, True),
        ("kill", None, False),
        ("slow=0.2", 201, True),
    ],
)
def test_a_plain_retry_ends_with_one_effect(
    live: Live, path: str, fault: str, status: int | None, done: bool
) -> None:
    """SYSTEMS: "After any of them a plain retry with the same key ends with exactly one effect."."""
    key, body = new_key(), body_of(live.acme, path)
    before = tally(live.acme, path)

    first = attempt(partial(post, live.acme, path, body, key, fault=fault))

    assert (first and first.status_code) == status
    if first and first.is_error:
        assert refusal(first) == (status, "DEMO_FAULT")
    if first and done:
        assert first.elapsed.total_seconds() >= 0.2
    assert tally(live.acme, path) == after(before, path, times=int(done))

    second = answered(partial(post, live.acme, path, body, key))

    assert second.status_code == 201
    assert ("Idempotent-Replayed" in second.headers) is done
    third = post(live.acme, path, body, key)
    assert third.headers["Idempotent-Replayed"] == "true"
    assert third.content == second.content == (first.content if first and done else second.content)
    assert tally(live.acme, path) == after(before, path)


def test_three_attempts_are_enough(live: Live) -> None:
    """Seed: "Pair idempotency keys with bounded retries … at most 3 attempts on 5xx responses", or network errors."""
    key, body = new_key(), body_of(live.acme, CODE)
    before = tally(live.acme, CODE)

    answers = [
        attempt(partial(post, live.acme, CODE, body, key, fault=each))
        for each in ("fail-before", "drop", None)
    ]

    assert [answer and answer.status_code for answer in answers] == [503, None, 201]
    assert tally(live.acme, CODE) == after(before, CODE)


def test_without_a_key_a_retry_charges_again(live: Live) -> None:
    """Seed: "A retry without an idempotency key can re-charge credits.\""""
    body = body_of(live.acme, CODE)
    before = tally(live.acme, CODE)

    assert attempt(partial(post, live.acme, CODE, body, fault="drop")) is None
    made(post(live.acme, CODE, body))

    assert tally(live.acme, CODE) == after(before, CODE, times=2)


@every_post
def test_a_replay_ignores_faults(live: Live, path: str) -> None:
    """SYSTEMS: "when the handler really runs (a replay ignores it …)"."""
    key, body = new_key(), body_of(live.acme, path)
    first = post(live.acme, path, body, key)

    for fault in ("fail-before", "fail-after", "drop", "kill", "slow=30", "nonsense"):
        assert_replay(post(live.acme, path, body, key, fault=fault), first, "X-Request-Id")


@every_post
def test_an_unknown_fault_is_refused(live: Live, path: str) -> None:
    """SYSTEMS: "an unknown value is 400; such answers have the system's error body with code demo_fault"."""
    key, body = new_key(), body_of(live.acme, path)
    before = tally(live.acme, path)

    for fault in ("nonsense", "slow", "slow=soon", "slow=-1", "kill=9"):
        assert refusal(post(live.acme, path, body, key, fault=fault)) == (400, "DEMO_FAULT")

    assert tally(live.acme, path) == before
    made(post(live.acme, path, body, key))


@pytest.mark.databases("sqlite")
def test_faults_are_for_debugging_only(live: Live, tmp_path: Path) -> None:
    """SYSTEMS: "Faults on request (testproject with DEBUG=True only)"."""
    environment = {"DEBUG": "0", "SECRET_KEY": "for this test", "ALLOWED_HOSTS": "127.0.0.1"}

    with another_server(live, tmp_path, **environment) as caller:
        for fault in ("fail-before", "drop", "nonsense"):
            made(post(caller, PROJECTS, {"name": "Customers"}, new_key(), fault=fault))


@pytest.mark.databases("sqlite")
def test_an_unavailable_service_is_safe_to_retry(live: Live, tmp_path: Path) -> None:
    """Seed: "SERVICE_UNAVAILABLE — always safe to retry with an idempotency key"."""
    key, body = new_key(), body_of(live.acme, CODE)
    before = tally(live.acme, CODE)

    with another_server(live, tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/gone/away.sqlite3") as caller:
        answers = [post(caller, CODE, body, key), caller.send("GET", CODE)]

    for answer in answers:
        assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
        assert int(answer.headers["Retry-After"]) >= 1
    made(post(live.acme, CODE, body, key))
    assert tally(live.acme, CODE) == after(before, CODE)
