"""
Visits every state of a model, breadth first, so that the first fault found is reached by a shortest way.

Of states that differ only in which request is which it visits the first that it meets: about a sixth, of three requests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


class Model(ABC, Generic[S]):
    """What can happen, and what must never be."""

    @abstractmethod
    def begin(self) -> S:
        """The state before the first request."""

    @abstractmethod
    def steps(self, state: S) -> Iterator[tuple[str, S]]:
        """Everything that can happen next, in words, and what it leads to."""

    def form(self, state: S) -> Hashable:
        """The same for states of which one becomes the other when its requests change places, for no others."""
        return state

    @abstractmethod
    def broken(self, state: S) -> str | None:
        """The promise that this state breaks, if any."""

    @abstractmethod
    def settled(self, state: S) -> bool:
        """Whether a client has its answer here, or none is left that could ask."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A promise that is broken, and how to get there."""

    promise: str
    trace: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explored:
    states: int
    finding: Finding | None


def explore(model: Model[S]) -> Explored:
    """Look for the nearest state that breaks a promise; without one, for a state that no answer can be reached from."""
    start = model.begin()
    found: dict[Hashable, Found[S]] = {model.form(start): Found(start)}
    queue = deque(found.values())
    while queue:
        here = queue.popleft()
        if promise := model.broken(here.state):
            return Explored(len(found), Finding(promise, _way(here)))
        for words, after in model.steps(here.state):
            form = model.form(after)
            there = found.get(form)
            if there is None:
                there = found[form] = Found(after, here, words)
                queue.append(there)
            there.before.append(here)
    return Explored(len(found), _stuck(model, found.values()))


@dataclass(slots=True, eq=False)
class Found(Generic[S]):
    """A state, the step that first led to it, and all those from which one leads to it."""

    state: S
    came_from: Found[S] | None = None
    words: str = ""
    before: list[Found[S]] = field(default_factory=list)
    # Whether somebody is answered in the end.
    ends: bool = False


def _stuck(model: Model[S], found: Iterable[Found[S]]) -> Finding | None:
    """Every key is answered in the end: from each state a settled one can be reached."""
    queue = deque(each for each in found if model.settled(each.state))
    for each in queue:
        each.ends = True
    while queue:
        for each in queue.popleft().before:
            if not each.ends:
                each.ends = True
                queue.append(each)
    lost = next((each for each in found if not each.ends), None)
    return None if lost is None else Finding("every key is answered in the end", _way(lost))


def _way(found: Found[S]) -> tuple[str, ...]:
    words: list[str] = []
    while found.came_from is not None:
        words.append(found.words)
        found = found.came_from
    return tuple(reversed(words))
