"""The steps whose time is measured are the ones that a request takes."""

from __future__ import annotations

import pytest

from benchmarks.steps import STEPS, measured
from tests.rig import Database


@pytest.mark.databases("postgresql")
def test_each_step_is_taken(database: Database) -> None:
    """A fresh key comes by the claim, the handler and the store; a replay by the read, and by none of these."""
    figures = measured(rounds=1, requests=1)
    assert list(figures) == list(STEPS)
    taken = {name: (fresh != "-", replay != "-") for name, (fresh, replay) in figures.items()}
    handling = {name for name, kinds in taken.items() if kinds == (True, False)}
    assert handling == {
        "claim: one message, with BEGIN",
        "the handler, rendered",
        "what is kept of the response",
        "store: one message, with COMMIT",
    }
    assert {name for name, kinds in taken.items() if kinds == (False, True)} == {"read: one message"}
    assert all(any(kinds) for kinds in taken.values())
