"""
Every order in which equal requests can send their statements, as far as the database lets them.

Each request runs in a thread with a session of its own and stops before each statement; one at a time goes on.
Depth first: a schedule is played to its end, and the next one leaves it at the last place where another one could
have gone on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from django.db import connection as default
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.guarantee.gate import PATIENCE
from tests.statements.faults import number
from tests.statements.watch import Send, through, watching

Actor = Callable[[], Any]
# At each step: who could go on, and which of them did, by place.
Choices = list[tuple[tuple[int, ...], int]]
TRIES = 50

# Whether a session waits for a lock that another one holds.
WAITS = {
    "postgresql": "SELECT cardinality(pg_blocking_pids(%s)) > 0",
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = %s"
    " AND trx_state = 'LOCK WAIT'",
}
# Seconds after which the database is asked that; InnoDB's answer may be 0.1 s old.
SILENCE = {"postgresql": 0.02, "mysql": 0.12}
# They change and read nothing: where they stand between two other statements makes no difference.
IDLE = ("BEGIN", "SET AUTOCOMMIT 0", "SET AUTOCOMMIT 1")


class State(Enum):
    STOPPED = "before a statement"
    # At its own work, or waiting for a lock.
    GOING = "going"
    DONE = "done"


@dataclass
class Schedule:
    """
    One order, and what came of it.

    Attributes:
        steps: who went on, and with which statement.
        waits: how often somebody waited for a lock of the database.
        results: what each actor returned.
    """

    steps: list[tuple[int, str]] = field(default_factory=list)
    waits: int = 0
    results: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join(f"{actor}:{text.split(maxsplit=1)[0]}" for actor, text in self.steps)


class Diverged(Exception):
    """The same choices have not led to the same place."""


class Explorer:
    """Plays actors in the threads of a pool, which keep their sessions from one schedule to the next."""

    def __init__(self, watcher: BaseDatabaseWrapper, actors: int) -> None:
        self._watcher = watcher
        self._pools = [ThreadPoolExecutor(1) for _ in range(actors)]

    def close(self) -> None:
        for pool in self._pools:
            pool.submit(lambda: default.close()).result(PATIENCE)
            pool.shutdown()

    def explore(self, make: Callable[[], Sequence[Actor]], switches: int | None = None) -> Iterator[Schedule]:
        """
        Play all schedules, each with new actors.

        Args:
            switches: how often at most somebody goes on in the place of one that could go on too. None: no bound.
        """
        choices: Choices = []
        for pool, actor in zip(self._pools, make(), strict=True):
            pool.submit(actor).result(PATIENCE)  # what only the first request of a session asks for
        with watching():
            while True:
                yield self._play(make, switches, choices)
                while choices and choices[-1][1] + 1 == len(choices[-1][0]):
                    choices.pop()
                if not choices:
                    return
                options, taken = choices.pop()
                choices.append((options, taken + 1))

    def _play(self, make: Callable[[], Sequence[Actor]], switches: int | None, choices: Choices) -> Schedule:
        """Where several wait for one lock, the database decides who gets it; until it decides as it did before."""
        for _ in range(TRIES):
            with suppress(Diverged):
                return _Play(self._watcher, self._pools, make(), switches).to_the_end(choices)
        raise AssertionError(f"{choices} do not lead where they led before")


class _Play:
    """One schedule under way."""

    def __init__(
        self,
        watcher: BaseDatabaseWrapper,
        pools: Sequence[ThreadPoolExecutor],
        actors: Sequence[Actor],
        switches: int | None,
    ) -> None:
        self._watcher = watcher
        self._switches = switches
        self._changed = threading.Condition()
        self._states = [State.GOING for _ in actors]
        self._next = ["" for _ in actors]
        self._sessions: list[int | None] = [None for _ in actors]
        self._turn: int | None = None
        self._schedule = Schedule()
        self._sent: list[Future[Any]] = [
            pool.submit(self._act, me, actor)
            for me, (pool, actor) in enumerate(zip(pools, actors, strict=True))
        ]

    def to_the_end(self, choices: Choices) -> Schedule:
        """Make these choices, and then the first possible one each time; they are added."""
        last: int | None = None
        step = 0
        self._settle()
        while options := self._options(last):
            if step == len(choices):
                choices.append((options, 0))
            expected, taken = choices[step]
            if expected != options:
                self._let_all_go()
                raise Diverged
            actor = options[taken]
            if self._switches is not None and last not in (None, actor) and last in self._stopped():
                self._switches -= 1
            self._go(actor)
            last, step = actor, step + 1
        self._schedule.results = [sent.result(PATIENCE) for sent in self._sent]
        return self._schedule

    def _stopped(self) -> list[int]:
        return [actor for actor, state in enumerate(self._states) if state is State.STOPPED]

    def _options(self, last: int | None) -> tuple[int, ...]:
        """Who may go on now; first of all who went on last."""
        stopped = self._stopped()
        if last not in stopped:
            return tuple(stopped)
        if self._switches == 0:
            return (last,)
        return (last, *(actor for actor in stopped if actor != last))

    def _go(self, actor: int) -> None:
        self._schedule.steps.append((actor, self._next[actor]))
        with self._changed:
            self._states[actor] = State.GOING
            self._turn = actor
            self._changed.notify_all()
        self._settle()

    def _settle(self) -> None:
        """Wait until everybody stands before a statement, is done, or waits for a lock while somebody can go on."""
        vendor = self._watcher.vendor
        waited = 0.0
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: State.GOING not in self._states, SILENCE[vendor]):
                    return
                going = [actor for actor, state in enumerate(self._states) if state is State.GOING]
            if self._stopped() and all(self._waits(actor) for actor in going):
                self._schedule.waits += 1
                return
            waited += SILENCE[vendor]
            assert waited < PATIENCE, f"{self._schedule}: {self._states}"

    def _waits(self, actor: int) -> bool:
        """Ask the database, for a statement that was sent may just take its time."""
        with self._watcher.cursor() as cursor:
            cursor.execute(WAITS[self._watcher.vendor], [self._sessions[actor]])
            return bool(cursor.fetchone()[0])

    def _let_all_go(self) -> None:
        with self._changed:
            self._turn = -1
            self._changed.notify_all()
        for sent in self._sent:
            sent.exception(PATIENCE)

    # -- In the threads ------------------------------------------------------------------------------

    def _act(self, me: int, actor: Actor) -> Any:
        try:
            with through(partial(self._stop, me)):
                return actor()
        finally:
            with self._changed:
                self._states[me] = State.DONE
                self._changed.notify_all()

    def _stop(self, me: int, connection: BaseDatabaseWrapper, text: str, send: Send) -> Any:
        if text not in IDLE:
            with self._changed:
                self._next[me], self._sessions[me] = text, number(connection)
                self._states[me] = State.STOPPED
                self._changed.notify_all()
                assert self._changed.wait_for(lambda: self._turn in (me, -1), PATIENCE)
                if self._turn == me:
                    self._turn = None
        return send()
