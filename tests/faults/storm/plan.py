"""What is asked, and what goes wrong: both a function of the seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import chain, count
from random import Random

ENDPOINTS = ("atomic", "atomic-waits", "fail", "fail-waits", "retry", "retry-waits")

# Seconds: so short that a pause outlasts it, and far longer than the handler takes.
LEASE = 1.5
# Seconds that a client waits for an answer, unless its plan says less.
PATIENCE = 10.0
# Seconds between two faults, on average.
FAULT_EVERY = 0.7
COMMIT_EVERY = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """
    One of the clients that send an operation.

    Attributes:
        delay: seconds that it comes later.
        patience: seconds after which it hangs up, for its first attempts.
        raises: the attempts in which the handler is to raise, should it run.
    """

    name: str
    delay: float
    patience: tuple[float, ...]
    raises: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    One thing that is to be done once.

    Attributes:
        before, after: seconds that the handler takes on either side of what it does outside.
        extends: whether it extends its lease in between.
    """

    key: str
    endpoint: str
    before: float
    after: float
    extends: bool
    askers: tuple[Asker, ...]

    @property
    def body(self) -> dict[str, object]:
        return {"before": self.before, "after": self.after, "extends": self.extends}


def operation(seed: int, number: int) -> Operation:
    """The operation of that number; it does not depend on the ones before."""
    random = dice(seed, f"operation {number}")
    return Operation(
        key=f"{number}-{random.getrandbits(64):016x}",
        endpoint=ENDPOINTS[number % len(ENDPOINTS)],
        before=round(random.uniform(0.01, 0.08), 3),
        after=round(random.uniform(0.0, 0.05), 3),
        extends=random.random() < 0.25,
        askers=tuple(
            Asker(
                name="abc"[place],
                delay=round(random.uniform(0, 0.15), 3) if place else 0.0,
                patience=tuple(random.choices((PATIENCE, 1.0, 0.05), (75, 15, 10), k=2)),
                raises=frozenset(attempt for attempt in range(2) if random.random() < 0.02),
            )
            for place in range(random.choices((1, 2, 3), (45, 35, 20))[0])
        ),
    )


def askings(seed: int) -> Iterator[tuple[Operation, Asker]]:
    """Who asks for what, in the order in which they begin; without end."""
    operations = (operation(seed, number) for number in count())
    return chain.from_iterable(((each, asker) for asker in each.askers) for each in operations)


class Kind(Enum):
    """What goes wrong."""

    KILL = "worker killed"
    PAUSE = "worker paused"
    SESSION = "session ended"
    COMMIT = "COMMIT lost"
    ANSWER = "answer to COMMIT lost"
    RESTART = "database restarted"


# Together, these are the faults whose number has a minimum.
BLOWS = (Kind.KILL, Kind.PAUSE, Kind.SESSION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    Something that is to go wrong.

    Attributes:
        at: seconds after the beginning.
        inside: whether it aims at a request under way, or at any worker or session.
        choice: which of those that it can meet, from 0 to 1.
        seconds: how long a pause lasts.
    """

    at: float
    kind: Kind
    inside: bool
    choice: float
    seconds: float


def faults(seed: int, seconds: float, restarts: int = 0) -> list[Fault]:
    """What goes wrong in so many seconds, in its order."""
    planned = [
        *_dealt(dice(seed, "blows"), BLOWS * 2, FAULT_EVERY, seconds),
        *_dealt(dice(seed, "commits"), (Kind.COMMIT, Kind.ANSWER), COMMIT_EVERY, seconds),
        *_dealt(dice(seed, "restarts"), (Kind.RESTART,), seconds / (restarts + 1), seconds)[:restarts],
    ]
    return sorted(planned, key=lambda fault: fault.at)


def _dealt(random: Random, hand: tuple[Kind, ...], every: float, seconds: float) -> list[Fault]:
    """One hand after the other, each shuffled, so that a short storm meets all of them too."""
    kinds = chain.from_iterable(random.sample(hand, len(hand)) for _ in count())
    return [
        Fault(
            at=round((number + random.uniform(0.5, 1.0)) * every, 3),
            kind=kind,
            inside=random.random() < 0.85,
            choice=random.random(),
            # Longer than a lease, or shorter.
            seconds=round(random.uniform(*random.choice(((0.1, 0.8), (2.2, 3.2), (2.2, 3.2)))), 3),
        )
        for number, kind in zip(range(int(seconds / every)), kinds, strict=False)
    ]


def dice(seed: int, what: str) -> Random:
    """Not for secrets: the same for the same seed, and independent of all others."""
    return Random(f"{seed} {what}")  # noqa: S311
