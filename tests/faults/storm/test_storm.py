"""A short storm; `python -m tests.faults.storm` is the long one."""

from __future__ import annotations

import pytest

from tests.faults.storm.site import storm
from tests.faults.storm.verdict import Verdict
from tests.rig import Database


@pytest.mark.databases("postgresql")
def test_a_short_storm(database: Database) -> None:
    """REQ 1, 2, 3, 8: whatever is killed, paused and lost, each key has one effect and one answer."""
    # Other tests run at the same time: it needs no more than a storm of one second does.
    verdict = Verdict(storm(database, seconds=3, seed=4), 1)
    assert verdict.holds, f"\n{verdict}"
