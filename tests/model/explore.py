"""Visits every state of a model, breadth first, so that the first fault found is reached by a shortest way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
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
    came_from: dict[S, tuple[S, str] | None] = {start: None}
    before: dict[S, list[S]] = {}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if promise := model.broken(state):
            return Explored(len(came_from), Finding(promise, _way(came_from, state)))
        for words, after in model.steps(state):
            before.setdefault(after, []).append(state)
            if after not in came_from:
                came_from[after] = state, words
                queue.append(after)
    return Explored(len(came_from), _stuck(model, came_from, before))


def _stuck(
    model: Model[S], came_from: dict[S, tuple[S, str] | None], before: dict[S, list[S]]
) -> Finding | None:
    """Every key is answered in the end: from each state a settled one can be reached."""
    queue = deque(state for state in came_from if model.settled(state))
    reaching = set(queue)
    while queue:
        for state in before.get(queue.popleft(), ()):
            if state not in reaching:
                reaching.add(state)
                queue.append(state)
    lost = next((state for state in came_from if state not in reaching), None)
    return None if lost is None else Finding("every key is answered in the end", _way(came_from, lost))


def _way(came_from: dict[S, tuple[S, str] | None], state: S) -> tuple[str, ...]:
    words: list[str] = []
    while (step := came_from[state]) is not None:
        state, said = step
        words.append(said)
    return tuple(reversed(words))
