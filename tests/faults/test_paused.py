"""
The row "process paused (SIGSTOP) past every timeout".

A worker process stands still in the middle of a request, until its lease, its client and its duplicates have given up.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.http import JsonResponse

from django_idempotency.resolution import complete
from tests.faults.desk import (
    Site,
    assert_in_progress,
    assert_ran,
    assert_unavailable,
    assert_unknown,
    wait_for,
)
from tests.faults.held import UNCOMMITTED, held
from tests.guarantee.clients import REPLAYED, assert_may_retry, assert_replay

# SQLite has one writer: whoever is paused there while it writes keeps everybody waiting.
pytestmark = pytest.mark.databases("postgresql", "mariadb")

# Where the record is not locked, so that the test can move the end of its lease.
UNLOCKED = pytest.mark.parametrize("halt", ["mid-handler", "before the store"])
BRIEF = timedelta(seconds=5)


@pytest.mark.parametrize("halt", UNCOMMITTED)
def test_in_mode_atomic(site: Site, halt: str) -> None:
    """Row, atomic: the key is still held: 409; then the request gets its own result, and a retry the same bytes."""
    client = site.client("atomic")
    with held(client, halt) as first:
        first.pause()
        for _ in range(3):
            assert_in_progress(client.post())
        assert first.waiting
        answer = first.go_on()
    assert_ran(answer)
    assert answer.text == first.body
    assert_replay(client.post(), answer)
    assert client.done == (1, 1)


@pytest.mark.parametrize("name", ["atomic-gives-up", "retry-gives-up"])
def test_past_the_patience_of_a_duplicate(site: Site, name: str) -> None:
    """Row, both modes: a duplicate that waits for a paused request is refused when its policy's wait is over."""
    client = site.client(name)
    with held(client, "mid-handler") as first:
        first.pause()
        refused = client.post()
        assert refused.elapsed >= timedelta(seconds=0.3)
        assert_may_retry(refused)
        assert (refused.status_code, refused.headers["Retry-After"]) == (409, "2")
        answer = first.go_on()
    assert_ran(answer)
    assert client.done == (1, 1)


@pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
def test_past_the_patience_of_its_client(site: Site, mode: str) -> None:
    """Row, both modes: a client that has hung up and comes again gets the result of the request that it gave up."""
    client = site.client(mode)
    with held(client, "mid-handler", patience=1.0) as first:
        first.pause()
        first.gives_up()
        assert_in_progress(client.post())
        first.let_go()
        answer = client.retry()
    assert (answer.status_code, answer.text, answer.headers[REPLAYED]) == (201, first.body, "true")
    assert client.done == (1, 1)


@UNLOCKED
def test_in_mode_leased(site: Site, halt: str) -> None:
    """Row, leased (fail): unknown when the lease is over; nobody has taken the claim, so it completes what it did."""
    client = site.client("fail")
    with held(client, halt) as first:
        first.pause()
        assert_in_progress(client.post())
        client.lapse()
        for _ in range(2):
            assert_unknown(client.post())
        answer = first.go_on()
    assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 1)


@UNLOCKED
def test_resolved_by_hand_meanwhile(site: Site, halt: str) -> None:
    """Row, leased (fail): "the zombie updates 0 rows and answers with the winner's response": who resolved it won."""
    client = site.client("fail")
    with held(client, halt) as zombie:
        zombie.pause()
        client.lapse()
        assert_unknown(client.post())
        complete(
            client.record, JsonResponse({"charge": "found"}, status=201), who="ops", why="The bank says so."
        )
        answer = zombie.go_on()
    assert (answer.status_code, answer.json()) == (201, {"charge": "found"})
    assert answer.headers[REPLAYED] == "true"
    assert_replay(client.post(), answer)
    assert client.done == (0, 1)


@UNLOCKED
def test_taken_over_in_mode_leased(site: Site, halt: str) -> None:
    """Row, leased (retry): a take-over; "the zombie updates 0 rows and answers with the winner's response"."""
    client = site.client("retry")
    with held(client, halt) as zombie:
        zombie.pause()
        assert_in_progress(client.post())
        client.lapse()
        winner = client.post()
        assert_ran(winner)
        assert_replay(zombie.go_on(), winner)
    assert_replay(client.post(), winner)
    assert client.done == (1, 2)


def test_taken_over_while_the_winner_still_runs(site: Site) -> None:
    """Row, leased (retry): a zombie that comes back while its successor runs writes nothing, and says "come again"."""
    client = site.client("retry")
    with held(client, "mid-handler") as zombie:
        zombie.pause()
        client.lapse()
        with held(client, "mid-handler") as winner:
            assert_unavailable(zombie.go_on())
            assert client.effects == 0
            answer = winner.go_on()
    assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 2)


@pytest.mark.parametrize("mode", ["fail", "retry"])
def test_right_before_its_commit(site: Site, mode: str) -> None:
    """Row, leased: a lease that ends when all is written but COMMIT is not taken over, and nobody waits for its lock."""
    client = site.client(f"{mode}-brief")
    with held(client, "after the store") as first:
        first.pause()
        wait_for(lambda: client.lapsed)
        refused = client.post()
        assert refused.elapsed < BRIEF
        if mode == "fail":
            assert_unknown(refused)
        else:
            assert_in_progress(refused)
        answer = first.go_on()
    assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 1)
