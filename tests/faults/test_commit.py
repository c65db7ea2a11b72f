"""
The row "COMMIT sent, answer lost: applied / not applied".

What gets lost is lost between the server and its database; for a claim of mode leased, which is a COMMIT too, as well.
"""

from __future__ import annotations

import re

import pytest

from tests.faults.desk import AT_ONCE, Site, assert_ran, assert_unavailable, assert_unknown
from tests.faults.held import held, killed
from tests.guarantee.clients import REPLAYED, assert_replay
from tests.guarantee.wire import Lose, Wire

# A file is not reached over a wire.
pytestmark = pytest.mark.databases("postgresql", "mariadb")

TAKE_OVER = re.compile(b"attempt = attempt")


@pytest.fixture
def site(wired: Site) -> Site:
    return wired


@pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
def test_applied(site: Site, wire: Wire, mode: str) -> None:
    """Row, both modes, applied: the first client gets its stored answer, and the retry a replay of the same bytes."""
    client = site.client(mode)
    with held(client, "mid-handler") as first:
        wire.lose = Lose.ANSWER
        answer = first.go_on()
    assert wire.lose is None
    assert (answer.status_code, answer.text, answer.headers[REPLAYED]) == (201, first.body, "true")
    assert_replay(client.post(), answer)
    assert client.done == (1, 1)


def test_not_applied_in_mode_atomic(site: Site, wire: Wire) -> None:
    """Row, atomic, not applied: 503, then the retry runs."""
    client = site.client("atomic")
    with held(client, "mid-handler") as first:
        wire.lose = Lose.COMMIT
        assert_unavailable(first.go_on())
    assert wire.lose is None
    assert client.effects == 0
    retry = client.retry(within=AT_ONCE)
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.effects == 1


def test_not_applied_in_mode_leased(site: Site, wire: Wire) -> None:
    """Row, leased (fail), not applied: 503, then unknown at once, for the outside effect has happened."""
    client = site.client("fail")
    with held(client, "mid-handler") as first:
        wire.lose = Lose.COMMIT
        assert_unavailable(first.go_on())
    assert wire.lose is None
    for _ in range(2):
        assert_unknown(client.post())
    assert client.done == (0, 1)


def test_not_applied_in_mode_leased_with_retry(site: Site, wire: Wire) -> None:
    """Row, leased (retry), not applied: 503, then the retry runs at once, with the same downstream key."""
    client = site.client("retry")
    with held(client, "mid-handler") as first:
        wire.lose = Lose.COMMIT
        assert_unavailable(first.go_on())
    assert wire.lose is None
    retry = client.post()
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 2)


@pytest.mark.parametrize("lose", Lose)
def test_of_a_take_over(site: Site, wire: Wire, lose: Lose) -> None:
    """Row, leased (retry), for a take-over: 503; what it would have taken over is still unknown, and not forgotten."""
    client = site.client("retry")
    killed(client, "mid-handler")
    client.lapse()
    wire.of, wire.lose = TAKE_OVER, lose
    assert_unavailable(client.post())
    assert wire.lose is None
    assert client.post(amount=2).status_code == 422
    assert client.done == (0, 1)
    retry = client.retry(within=AT_ONCE)
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 2)


@pytest.mark.parametrize("lose", Lose)
@pytest.mark.parametrize("mode", ["fail", "retry"])
def test_of_the_claim(site: Site, wire: Wire, mode: str, lose: Lose) -> None:
    """Row, leased, for the COMMIT of the claim: 503, the handler has not run, and the retry is carried out at once."""
    client = site.client(mode)
    wire.lose = lose
    assert_unavailable(client.post())
    assert wire.lose is None
    assert client.done == (0, 0)
    retry = client.retry(within=AT_ONCE)
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 1)
