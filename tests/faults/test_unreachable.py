"""
The rows "database lost anywhere in a protected request" and "store unreachable at the claim".

All sessions of the server end at once, and no new one is to be had until the test says so.
"""

from __future__ import annotations

import re

import pytest

from tests.faults.desk import Site, assert_in_progress, assert_ran, assert_unavailable, assert_unknown
from tests.faults.held import UNCOMMITTED, held
from tests.guarantee.clients import assert_replay
from tests.guarantee.wire import Lose, Wire

# A file is not reached over a wire; one that cannot be opened: tests/guarantee/test_store.py.
pytestmark = pytest.mark.databases("postgresql", "mariadb")

MODES = pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
# Of a record.
READ = re.compile(b"state <> 'completed' OR expires_at IS NULL")
HALTS = pytest.mark.parametrize("halt", UNCOMMITTED)


@pytest.fixture
def site(wired: Site) -> Site:
    return wired


@MODES
def test_at_the_claim(site: Site, wire: Wire, mode: str) -> None:
    """Row "unreachable at the claim", both modes: 503, the handler has not run; then the retry is the first execution."""
    client = site.client(mode)
    with held(client, "before the claim") as first:
        wire.cut()
        assert_unavailable(first.go_on())
    assert_unavailable(client.post())
    assert (client.done, client.row) == ((0, 0), None)
    wire.down = False
    retry = client.post()
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 1)


@HALTS
def test_in_mode_atomic(site: Site, wire: Wire, halt: str) -> None:
    """Row "lost anywhere", atomic: 503 as long as it is away; then the retry runs."""
    client = site.client("atomic")
    with held(client, halt) as first:
        wire.cut()
        assert_unavailable(first.go_on())
    assert_unavailable(client.post())
    wire.down = False
    retry = client.post()
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.effects == 1


@HALTS
def test_in_mode_leased(site: Site, wire: Wire, halt: str) -> None:
    """Row "lost anywhere", leased (fail): 503, in progress until the lease ends, then unknown."""
    client = site.client("fail")
    with held(client, halt) as first:
        wire.cut()
        assert_unavailable(first.go_on())
    assert_unavailable(client.post())
    wire.down = False
    assert_in_progress(client.post())
    client.lapse()
    assert_unknown(client.post())
    assert client.done == (0, 1)


@HALTS
def test_in_mode_leased_with_retry(site: Site, wire: Wire, halt: str) -> None:
    """Row "lost anywhere", leased (retry): 503, in progress until the lease ends, then a take-over."""
    client = site.client("retry")
    with held(client, halt) as first:
        wire.cut()
        assert_unavailable(first.go_on())
    wire.down = False
    assert_in_progress(client.post())
    client.lapse()
    retry = client.post()
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 2)


@MODES
def test_of_a_replay(site: Site, wire: Wire, mode: str) -> None:
    """Row "lost anywhere", both modes: 503 instead of a replay, and the replay when the database is back."""
    client = site.client(mode)
    first = client.post()
    assert_ran(first)
    wire.cut()
    assert_unavailable(client.post())
    wire.down = False
    assert_replay(client.post(), first)
    assert client.done == (1, 1)


@MODES
@pytest.mark.parametrize("halt", ["before the claim", "mid-handler"])
def test_in_the_format_of_the_policy(site: Site, wire: Wire, mode: str, halt: str) -> None:
    """Both rows, both modes: the 503 and its Retry-After are as the policy wants them."""
    client = site.client(f"{mode}-terse")
    with held(client, halt) as first:
        wire.cut()
        answer = first.go_on()
    assert (answer.status_code, answer.text) == (503, "503 idempotency_unavailable")
    assert (answer.headers["Retry-After"], answer.headers["Content-Type"]) == ("7", "text/plain")


@pytest.mark.parametrize("moment", ["store", "read"])
def test_of_a_worker_that_was_overtaken(site: Site, wire: Wire, moment: str) -> None:
    """Row "lost anywhere", leased (retry): a zombie that cannot ask for the winner's response says 503, never 500."""
    client = site.client("retry")
    with held(client, "mid-handler") as zombie:
        zombie.pause()
        client.lapse()
        winner = client.post()
        assert_ran(winner)
        if moment == "store":
            wire.cut()
        else:
            wire.of, wire.lose = READ, Lose.COMMIT
        assert_unavailable(zombie.go_on())
    assert wire.lose is None
    wire.down = False
    assert_replay(client.post(), winner)
    assert client.done == (1, 2)
