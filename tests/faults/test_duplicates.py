"""The rows of duplicates: many at once, in flight, with another payload, late, and racing for an abandoned key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from tests.faults.desk import Client, Site, assert_in_progress, assert_ran, assert_unknown, wait_for
from tests.faults.held import held, killed
from tests.guarantee.clients import REPLAYED, assert_may_retry, assert_replay
from tests.guarantee.gate import Gate

MODES = pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
LEASED = pytest.mark.parametrize("mode", ["fail", "retry"])
# Where a duplicate of mode atomic need not wait for the one writer.
not_sqlite = pytest.mark.databases("postgresql", "mariadb")
CROWD = 8


@MODES
def test_many_at_once(site: Site, mode: str) -> None:
    """Row "many equal requests at once", both modes: one of them is carried out, and all get its answer in the end."""
    client = site.client(mode)
    answers = client.at_once(CROWD)
    served = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in served:
            assert_may_retry(answer)
    (first,) = (answer for answer in served if REPLAYED not in answer.headers)
    for answer in [*served, *(client.retry() for _ in range(CROWD - len(served)))]:
        assert answer.content == first.content
    assert client.done == (1, 1)


def assert_refused_while_it_runs(client: Client) -> None:
    with held(client, "mid-handler") as first:
        for _ in range(3):
            assert_in_progress(client.post())
        assert first.waiting
        answer = first.go_on()
    assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 1)


@not_sqlite
def test_in_flight_in_mode_atomic(site: Site) -> None:
    """Row "same payload, in flight", atomic: 409 and Retry-After; then a replay."""
    assert_refused_while_it_runs(site.client("atomic"))


@LEASED
def test_in_flight_in_mode_leased(site: Site, mode: str) -> None:
    """Row "same payload, in flight", leased, on SQLite too: 409 and Retry-After; then a replay."""
    assert_refused_while_it_runs(site.client(mode))


@MODES
def test_in_flight_and_the_policy_waits(site: Site, mode: str) -> None:
    """Row "same payload, in flight", both modes: a bounded wait, then the replay."""
    client = site.client(f"{mode}-waits")
    with held(client, "mid-handler") as first, ThreadPoolExecutor(1) as pool:
        duplicate = pool.submit(client.post)
        with pytest.raises(TimeoutError):
            duplicate.result(0.1)
        answer = first.go_on()
        assert_ran(answer)
        assert_replay(duplicate.result(), answer)
    assert client.done == (1, 1)


@not_sqlite
@MODES
def test_in_flight_for_longer_than_the_policy_waits(site: Site, mode: str) -> None:
    """Row "same payload, in flight", both modes: the wait is bounded, and ends with 409 and Retry-After."""
    client = site.client(f"{mode}-gives-up")
    with held(client, "mid-handler") as first:
        refused = client.post()
        assert refused.elapsed >= timedelta(seconds=0.3)
        assert_may_retry(refused)
        assert (refused.status_code, refused.headers["Retry-After"]) == (409, "2")
        assert_ran(first.go_on())
    assert client.done == (1, 1)


def assert_mismatch(response: httpx.Response) -> None:
    assert response.status_code == 422, response.text
    assert response.json()["code"] == "idempotency_conflict"
    assert "Retry-After" not in response.headers


@MODES
def test_another_payload_when_completed(site: Site, mode: str) -> None:
    """Row "other payload, completed", both modes: a mismatch answer, and no column of the record is touched."""
    client = site.client(mode)
    first = client.post()
    stored = client.row
    assert stored is not None
    for _ in range(2):
        assert_mismatch(client.post(amount=2))
    assert client.row == stored
    assert_replay(client.post(), first)
    assert client.row == stored
    assert client.done == (1, 1)


@LEASED
def test_another_payload_when_unknown(site: Site, mode: str) -> None:
    """The same for what a dead worker has left, leased: another payload neither runs nor resolves it."""
    client = site.client(mode)
    killed(client, "mid-handler")
    client.lapse()
    left = client.row
    assert_mismatch(client.post(amount=2))
    assert client.row == left
    assert client.done == (0, 1)


@MODES
def test_after_the_key_has_expired(site: Site, mode: str) -> None:
    """Row "after the key has expired", both modes: a new request, whose answer is replayed from then on."""
    client = site.client(mode)
    old = client.post()
    client.expire()
    new = client.post()
    assert_ran(new)
    assert new.content != old.content
    assert_replay(client.post(), new)
    assert client.done == (2, 2)


def abandoned(site: Site, mode: str) -> Client:
    """A key whose worker is dead; nothing holds it any more."""
    client = site.client(mode)
    with held(client, "mid-handler") as lost:
        lost.kill()
        wait_for(lambda: not lost.has_session)
    if mode != "atomic":
        client.lapse()
    return client


@not_sqlite
@pytest.mark.parametrize("mode", ["atomic", "retry"])
def test_two_race_for_an_abandoned_key(site: Site, mode: str) -> None:
    """Row "two race for an abandoned key", both modes (leased: retry): one runs, the other gets 409 meanwhile."""
    client = abandoned(site, mode)
    with ThreadPoolExecutor(2) as pool, Gate() as gate:
        headers = {**gate.headers, "X-Halt": "mid-handler"}
        racing = [pool.submit(client.post, headers) for _ in range(2)]
        gate.arrival()
        wait_for(lambda: any(each.done() for each in racing))
        (refused,) = (each for each in racing if each.done())
        assert_in_progress(refused.result())
        assert client.effects == 0
    (winner,) = (each.result() for each in racing if each is not refused)
    assert_ran(winner)
    assert_replay(client.post(), winner)
    assert client.done == (1, 2)


@MODES
def test_a_crowd_races_for_an_abandoned_key(site: Site, mode: str) -> None:
    """Row "two race for an abandoned key", both modes: of many, at most one runs; with leased (fail), none."""
    client = abandoned(site, mode)
    answers = client.at_once(CROWD)
    if mode == "fail":
        for answer in answers:
            assert_unknown(answer)
        assert client.done == (0, 1)
        return
    served = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer not in served:
            assert_may_retry(answer)
    (winner,) = (answer for answer in served if REPLAYED not in answer.headers)
    for answer in [*served, client.post()]:
        assert answer.content == winner.content
    assert client.done == (1, 2)
