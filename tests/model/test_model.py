"""The protocols keep their promises in every state; each mutant of them breaks one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.model.explore import Model, explore
from tests.model.mutants import MUTANTS, PROTOCOLS


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_holds(name: str) -> None:
    """REQ 1, 2, 8, 20: with crashes, killed sessions, lost COMMITs, expiry, purge and deletion, in any order."""
    explored = explore(PROTOCOLS[name])
    assert explored.finding is None, explored.finding
    assert explored.states > 1000


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str) -> None:
    """A change of the protocol that loses the guarantee is found, by a way that says how."""
    finding = explore(MUTANTS[name]).finding
    assert finding is not None
    assert len(finding.trace) >= 3


class Road(Model[int]):
    """From 0 on, to a dead end at 3 or to an answer at 4."""

    def begin(self) -> int:
        return 0

    def steps(self, state: int) -> Iterator[tuple[str, int]]:
        yield from {0: [("left", 1), ("right", 2)], 1: [("on", 3)], 2: [("on", 4)]}.get(state, [])

    def broken(self, state: int) -> str | None:
        return None

    def settled(self, state: int) -> bool:
        return state == 4


class Broken(Road):
    def broken(self, state: int) -> str | None:
        return "nobody gets to 4" if state == 4 else None


def test_what_explores_finds_what_is_stuck() -> None:
    """A state that no answer can be reached from is a finding, with the way to it."""
    explored: Any = explore(Road())
    assert (explored.states, explored.finding.trace) == (5, ("left",))


def test_what_explores_finds_what_is_broken() -> None:
    """A state that breaks a promise is a finding, with a shortest way to it."""
    explored: Any = explore(Broken())
    assert explored.finding.trace == ("right", "on")
