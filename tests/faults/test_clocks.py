"""
The row "clocks of two workers differ".

Two servers share a database, and the processes of one believe that it is a year earlier, or later.
"""

from __future__ import annotations

import pytest

from tests.faults.conftest import Sites
from tests.faults.desk import Site, assert_in_progress, assert_ran, assert_unknown
from tests.faults.held import held, killed
from tests.guarantee.clients import assert_replay
from tests.rig import Database

YEAR = 365 * 24 * 3600.0
EXPIRES = "Idempotency-Key-Expires-In"

MODES = pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
not_sqlite = pytest.mark.databases("postgresql", "mariadb")


@pytest.fixture(params=[-YEAR, YEAR], ids=["behind", "ahead"])
def wrong(request: pytest.FixtureRequest, database: Database, sites: Sites) -> Site:
    """A server whose clock is a year off."""
    return sites.skewed(database, request.param)


@MODES
@pytest.mark.parametrize("first", ["right", "wrong"])
def test_a_replay(site: Site, wrong: Site, mode: str, first: str) -> None:
    """Row, both modes: what one has stored the other replays, for as long as the policy says."""
    one, other = (site, wrong) if first == "right" else (wrong, site)
    client = one.client(mode)
    answer = client.post()
    assert_ran(answer)
    assert answer.headers[EXPIRES] == "86400"
    for each in (other, one):
        replay = client.at(each).post()
        assert_replay(replay, answer)
        assert 86300 < int(replay.headers[EXPIRES]) <= 86400
    assert client.done == (1, 1)


@not_sqlite
@MODES
@pytest.mark.parametrize("first", ["right", "wrong"])
def test_in_flight(site: Site, wrong: Site, mode: str, first: str) -> None:
    """Row, both modes: what runs at one is in flight for the other, and its lease is not over, whoever asks."""
    one, other = (site, wrong) if first == "right" else (wrong, site)
    client = one.client(mode)
    with held(client, "mid-handler") as running:
        assert_in_progress(client.at(other).post())
        answer = running.go_on()
    assert_ran(answer)
    assert_replay(client.at(other).post(), answer)
    assert client.done == (1, 1)


@pytest.mark.parametrize("mode", ["fail", "retry"])
@pytest.mark.parametrize("first", ["right", "wrong"])
def test_the_end_of_a_lease(site: Site, wrong: Site, mode: str, first: str) -> None:
    """Row, leased: the lease of a dead worker is over when the database says so, not when the clock of another does."""
    one, other = (site, wrong) if first == "right" else (wrong, site)
    client = one.client(mode)
    killed(client, "mid-handler")
    assert_in_progress(client.at(other).post())
    client.lapse()
    answer = client.at(other).post()
    if mode == "fail":
        assert_unknown(answer)
        assert client.done == (0, 1)
    else:
        assert_ran(answer)
        assert client.done == (1, 2)
