"""hrizn while a request is under way, and when one goes wrong."""

from __future__ import annotations

import time
from functools import partial

import httpx
import pytest

from tests.systems.hrizn import (
    CONFLICT,
    CONTENT,
    ENDPOINTS,
    IDEACLOUD,
    IDEACLOUDS,
    SOME,
    Endpoint,
    error_of,
    post,
)
from tests.systems.live import Live, answered, assert_replay, at_once, new_key

on_all = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
on_some = pytest.mark.parametrize("endpoint", SOME, ids=str)


@on_all
def test_at_once(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "in flight: bounded wait (10 s), then the replay": five at once are one operation."""
    desk, key = endpoint.at(live.acme), new_key()

    answers = at_once([partial(desk.post, key=key, fault="slow=0.1")] * 5)

    (first,) = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    assert first.status_code == 201
    for answer in answers:
        if answer is not first:
            assert_replay(answer, first)
    assert desk.times() == 1


def test_other_body_meanwhile(live: Live) -> None:
    """SYSTEMS: "Another body while the original runs waits as an equal one does, then gets its mismatch answer"."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    ended: dict[int, float] = {}

    def timed(number: int) -> httpx.Response:
        answer = desk.post(number, key, "slow=0.5")
        ended[answer.status_code] = time.monotonic()
        return answer

    rivals = at_once(partial(timed, number) for number in (1, 2))

    made, refused = sorted(rivals, key=lambda rival: rival.status_code)
    assert (made.status_code, refused.status_code, refused.json()) == (201, 409, CONFLICT)
    # Had it not waited, it would have been half a second earlier.
    assert ended[409] > ended[201] - 0.3
    assert desk.times() == 1


def test_other_keys_meanwhile(live: Live) -> None:
    """SYSTEMS: "No throttling": twenty at once, each with a key of its own, are twenty operations."""
    desk = IDEACLOUD.at(live.acme)

    answers = at_once(partial(desk.post, number, new_key()) for number in range(20))

    assert {answer.status_code for answer in answers} == {201}
    assert desk.times() == 20


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if "{content}" in each.path], ids=str)
def test_counters_meanwhile(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "every effect below is countable": of actions at once on one item, each counts."""
    desk = endpoint.at(live.acme)

    answers = at_once(partial(desk.post, number, new_key(), "slow=0.1") for number in range(4))

    assert sorted(answer.json()[endpoint.shown] for answer in answers) == [1, 2, 3, 4]
    assert desk.times() == 4


@pytest.mark.databases("postgresql")
def test_past_the_wait(live: Live) -> None:
    """SYSTEMS: "past it 409 `idempotency_in_progress` + `Retry-After`", for an equal body and for another one."""
    desk, key, numbers = IDEACLOUD.at(live.acme), new_key(), (1, 1, 2)

    answers = at_once(partial(desk.post, number, key, "slow=11.5") for number in numbers)

    (winner,) = [place for place, answer in enumerate(answers) if answer.status_code == 201]
    for place, answer in enumerate(answers):
        if place != winner:
            assert error_of(answer) == (409, "idempotency_in_progress")
            assert int(answer.headers["Retry-After"]) >= 1
            assert 9.5 < answer.elapsed.total_seconds() < 11.5
    assert_replay(desk.post(numbers[winner], key), answers[winner])
    assert desk.post(3 - numbers[winner], key).json() == CONFLICT
    assert desk.times() == 1


@pytest.mark.parametrize(("fault", "status"), [("fail-before", 503), ("fail-after", 500)])
@on_some
def test_failure(live: Live, endpoint: Endpoint, fault: str, status: int) -> None:
    """SYSTEMS: `fail-before` is 503 and `fail-after` is 500, with code `demo_fault`; a plain retry is the first."""
    desk, key = endpoint.at(live.acme), new_key()

    assert error_of(desk.post(key=key, fault=fault)) == (status, "demo_fault")
    assert desk.times() == 0
    first = desk.post(key=key)

    assert first.status_code == 201
    assert_replay(desk.post(key=key), first)
    assert desk.times() == 1


@on_some
def test_drop(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: `drop`: "the work is committed and stored, then the connection closes with no answer"."""
    desk, key = endpoint.at(live.acme), new_key()

    with pytest.raises(httpx.RemoteProtocolError):
        desk.post(key=key, fault="drop")
    assert desk.times() == 1
    retry = desk.post(key=key)

    assert retry.status_code == 201
    assert retry.headers["Idempotent-Replayed"] == "true"
    assert desk.times() == 1


@on_some
def test_kill(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: `kill`: "the worker process dies ... after the handler's work and before the response is stored"."""
    desk, key = endpoint.at(live.acme), new_key()

    with pytest.raises(httpx.TransportError):
        desk.post(key=key, fault="kill")
    first = answered(lambda: desk.post(key=key))

    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert_replay(answered(lambda: desk.post(key=key)), first)
    assert desk.times() == 1


@on_some
def test_slow(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: `slow=SECONDS`: "the handler sleeps that long in the middle"."""
    desk, key = endpoint.at(live.acme), new_key()

    first = desk.post(key=key, fault="slow=0.3")

    assert first.status_code == 201
    assert first.elapsed.total_seconds() >= 0.3
    assert_replay(desk.post(key=key), first)
    assert desk.times() == 1


@on_all
def test_unknown_fault(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "on every POST above"; "an unknown value is 400", code `demo_fault`; the key is free afterwards."""
    desk, key = endpoint.at(live.acme), new_key()

    for used in (key, None):
        assert error_of(desk.post(key=used, fault="explode")) == (400, "demo_fault")
    assert desk.times() == 0
    assert desk.post(key=key).status_code == 201


@pytest.mark.parametrize("fault", ["", "Drop", "kill=2", "slow", "slow=", "slow=soon", "slow=-1", "slow=nan"])
def test_misspelt_fault(live: Live, fault: str) -> None:
    """SYSTEMS: "an unknown value is 400": a known one that is misspelt is unknown."""
    desk = IDEACLOUD.at(live.acme)

    assert error_of(desk.post(key=new_key(), fault=fault)) == (400, "demo_fault")
    assert desk.times() == 0


@pytest.mark.parametrize("fault", ["fail-before", "fail-after", "drop", "kill", "slow=30", "explode"])
def test_fault_of_a_replay(live: Live, fault: str) -> None:
    """SYSTEMS: faults happen "when the handler really runs (a replay ignores it...)", and on POST only."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    first = desk.post(key=key)

    replay = desk.post(key=key, fault=fault)

    assert_replay(replay, first)
    assert replay.elapsed.total_seconds() < 10
    assert desk.post(2, key, fault).json() == CONFLICT
    assert live.acme.send("GET", IDEACLOUDS, fault=fault).status_code == 200
    assert error_of(live.acme.send("PATCH", CONTENT, {}, fault=fault))[0] == 405
    assert error_of(post(live.acme, IDEACLOUDS, {}, fault="fail-after")) == (400, "validation_failed")
