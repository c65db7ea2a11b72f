"""
The row "database session of a paused worker killed", and the part of "database lost" in which only a session is.

The server ends one session, as an administrator, a timeout or a fail-over does; the database itself stays.
"""

from __future__ import annotations

import pytest

from tests.faults.desk import Site, assert_in_progress, assert_ran, assert_unavailable, assert_unknown
from tests.faults.held import UNCOMMITTED, held
from tests.guarantee.clients import assert_replay

# A file has no sessions.
pytestmark = pytest.mark.databases("postgresql", "mariadb")

HALTS = pytest.mark.parametrize("halt", UNCOMMITTED)


@HALTS
def test_of_a_paused_worker_in_mode_atomic(site: Site, halt: str) -> None:
    """Row, atomic: the retry runs; the zombie's commit fails, and it answers with the winner's response."""
    client = site.client("atomic")
    with held(client, halt) as zombie:
        zombie.pause()
        zombie.end_session()
        winner = client.post()
        assert_ran(winner)
        assert_replay(zombie.go_on(), winner)
    assert_replay(client.post(), winner)
    assert client.effects == 1


@HALTS
def test_of_a_paused_worker_in_mode_leased(site: Site, halt: str) -> None:
    """Row, leased (fail): in progress, then unknown; the zombie's commit fails, and it does not claim a success."""
    client = site.client("fail")
    with held(client, halt) as zombie:
        zombie.pause()
        zombie.end_session()
        assert_in_progress(client.post())
        client.lapse()
        assert_unknown(client.post())
        assert_unavailable(zombie.go_on())
    assert_unknown(client.post())
    assert client.done == (0, 1)


@HALTS
def test_of_a_paused_worker_that_is_overtaken(site: Site, halt: str) -> None:
    """Row, leased (retry): the retry takes over; the zombie's commit fails, and it answers with the winner's response."""
    client = site.client("retry")
    with held(client, halt) as zombie:
        zombie.pause()
        zombie.end_session()
        assert_in_progress(client.post())
        client.lapse()
        winner = client.post()
        assert_ran(winner)
        assert_replay(zombie.go_on(), winner)
    assert_replay(client.post(), winner)
    assert client.done == (1, 2)


@HALTS
@pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
def test_of_a_running_worker(site: Site, mode: str, halt: str) -> None:
    """Row "database lost anywhere", both modes: 503; then the retry runs, or is told at once that it is unknown."""
    client = site.client(mode)
    with held(client, halt) as first:
        first.end_session()
        assert_unavailable(first.go_on())
    retry = client.post()
    if mode == "fail":
        assert_unknown(retry)
        assert client.done == (0, 1)
    else:
        assert_ran(retry)
        assert_replay(client.post(), retry)
        assert client.done == (1, 2)
