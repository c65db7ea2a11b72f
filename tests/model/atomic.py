"""
Mode atomic: lock, read, the handler, one INSERT of the finished record, COMMIT.

Several requests with one key, each a worker with a database session. What a transaction has not committed is in the
worker's phase, and goes with its session. See django_idempotency/atomic.py and claims/postgresql.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tests.model.explore import Model


class Phase(StrEnum):
    IDLE = "idle"
    RUNNING = "running"
    WORKED = "worked"  # its writes are there, uncommitted
    STORED = "stored"  # and so is the record
    ASKING = "asking"  # its session or its COMMIT was lost
    LATE = "late"  # mutant: committed, and the record not yet written
    ANSWERED = "answered"
    DEAD = "dead"


INSIDE = (Phase.RUNNING, Phase.WORKED, Phase.STORED)


class Worker(NamedTuple):
    phase: Phase = Phase.IDLE
    session: bool = True


class Record(NamedTuple):
    # Whose response it is.
    by: int
    expired: bool = False


class State(NamedTuple):
    """
    The world.

    Attributes:
        lock: who holds the advisory lock of the key.
        effects: whose writes are committed, within the lifetime of one record.
        answers: whose response clients were given as a success, within the same time.
        deleted: the object that the request made is gone.
        faults: how many crashes, killed sessions and lost COMMITs may still come.
    """

    workers: tuple[Worker, ...]
    faults: int
    record: Record | None = None
    lock: int | None = None
    effects: tuple[int, ...] = ()
    answers: frozenset[int] = frozenset()
    deleted: bool = False

    def with_worker(self, i: int, phase: Phase, *, session: bool = True) -> State:
        workers = (*self.workers[:i], Worker(phase, session), *self.workers[i + 1 :])
        return self._replace(
            workers=workers, lock=None if self.lock == i and phase not in INSIDE else self.lock
        )

    @property
    def live(self) -> Record | None:
        return None if self.record is None or self.record.expired else self.record


@dataclass(frozen=True, slots=True)
class Atomic(Model[State]):
    """
    Args:
        mutant: a change of the protocol; empty for none.
        locks: False where advisory locks do nothing, as on CockroachDB: the primary key alone decides.
    """

    mutant: str = ""
    locks: bool = True
    requests: int = 3
    faults: int = 3

    def begin(self) -> State:
        return State((Worker(),) * self.requests, self.faults)

    def form(self, state: State) -> Hashable:
        record = state.record
        by = None if record is None else record.by
        roles = [
            (*worker, i == state.lock, i == by, state.effects.count(i), i in state.answers)
            for i, worker in enumerate(state.workers)
        ]
        roles.sort()
        return *roles, state.faults, state.deleted, record is not None and record.expired

    def broken(self, state: State) -> str | None:
        if len(state.effects) > 1:
            return "the effect happens once"
        if len(state.answers) > 1:
            return "all successes are one answer"
        if state.answers and not state.effects:
            return "a success tells of an effect that is there"
        return None

    def settled(self, state: State) -> bool:
        return all(worker.phase is Phase.DEAD for worker in state.workers) or any(
            worker.phase is Phase.ANSWERED for worker in state.workers
        )

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for i, worker in enumerate(state.workers):
            name = f"request {i + 1}"
            yield from ((f"{name} {words}", after) for words, after in self._own(state, i, worker))
            if state.faults and worker.phase not in (Phase.ANSWERED, Phase.DEAD):
                yield from ((f"{name} {words}", after) for words, after in self._faults(state, i, worker))
        yield from self._times(state)

    # -- What a request does -----------------------------------------------------------------------

    def _own(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.phase is Phase.IDLE:
            yield from self._claim(state, i)
        elif worker.phase is Phase.ASKING:
            yield from self._ask(state, i)
        elif worker.phase is Phase.LATE:
            yield (
                "stores its response in a later commit",
                self._answered(state._replace(record=Record(i)), i, i),
            )
        elif not worker.session:
            yield "notices that its session is gone", state.with_worker(i, Phase.ASKING)
        elif worker.phase is Phase.RUNNING:
            yield "writes", state.with_worker(i, Phase.WORKED)
            yield "raises, and is rolled back", state.with_worker(i, Phase.IDLE)
        elif worker.phase is Phase.WORKED:
            yield from self._store(state, i)
        elif worker.phase is Phase.STORED:
            yield "commits, and is answered", self._answered(self._commit(state, i), i, i)

    def _claim(self, state: State, i: int) -> Iterator[tuple[str, State]]:
        if state.live is not None:
            if not state.deleted:
                yield "replays", self._answered(state, i, state.live.by)
            elif self.mutant == "what is gone is made again" and state.lock is None:
                yield "finds the object gone, and begins", self._begun(state, i)
            else:
                yield "is told that the object is gone", state.with_worker(i, Phase.ANSWERED)
        elif state.lock is None:
            yield "claims the key", self._begun(state, i)
        # Else the key is in flight: it is refused, and asks again.

    def _begun(self, state: State, i: int) -> State:
        return state._replace(lock=i if self.locks else None).with_worker(i, Phase.RUNNING)

    def _store(self, state: State, i: int) -> Iterator[tuple[str, State]]:
        if any(other.phase is Phase.STORED and other.session for other in state.workers):
            return  # its INSERT waits for the one of a session that still lives
        if state.live is not None and self.mutant != "what is gone is made again":
            if self.mutant == "0 updated rows are ignored":
                yield "stores nothing, and goes on", state.with_worker(i, Phase.STORED)
            else:
                yield "finds another record, and rolls back", state.with_worker(i, Phase.IDLE)
        elif self.mutant == "the response is stored in a later commit":
            effects = (*state.effects, i)
            yield "commits its writes", state._replace(effects=effects).with_worker(i, Phase.LATE)
        else:
            yield "writes the record", state.with_worker(i, Phase.STORED)

    def _commit(self, state: State, i: int) -> State:
        if state.live is not None and self.mutant == "0 updated rows are ignored":
            return state._replace(effects=(*state.effects, i))
        again = state.record is not None and state.record.expired  # taken over: a new operation
        return state._replace(
            record=Record(i),
            effects=(i,) if again else (*state.effects, i),
            answers=frozenset() if again else state.answers,
            deleted=False,
        )

    def _ask(self, state: State, i: int) -> Iterator[tuple[str, State]]:
        if self.mutant == "an error of COMMIT releases the key":
            yield "releases the key", state._replace(record=None).with_worker(i, Phase.IDLE)
        elif state.live is not None:
            yield "finds its answer, or the winner's", self._answered(state, i, state.live.by)
        else:
            yield "finds no record: 503", state.with_worker(i, Phase.IDLE)

    def _answered(self, state: State, i: int, by: int) -> State:
        return state._replace(answers=state.answers | {by}).with_worker(i, Phase.ANSWERED)

    # -- What goes wrong ---------------------------------------------------------------------------

    def _faults(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        less = state._replace(faults=state.faults - 1)
        yield "is killed", less.with_worker(i, Phase.DEAD)
        if worker.phase in INSIDE and worker.session:
            lost = less.with_worker(i, worker.phase, session=False)
            yield "loses its session", lost._replace(lock=None if less.lock == i else less.lock)
        if worker.phase is Phase.STORED and worker.session:
            applied = self._commit(less, i)
            yield "commits, and the answer is lost", applied.with_worker(i, Phase.ASKING)
            yield "commits, and is killed before it answers", applied.with_worker(i, Phase.DEAD)

    def _times(self, state: State) -> Iterator[tuple[str, State]]:
        if state.record is None:
            return
        if not state.record.expired:
            yield "the record expires", state._replace(record=state.record._replace(expired=True))
            if state.effects and not state.deleted:
                yield "the object is deleted", state._replace(deleted=True)
            if self.mutant == "purge before retention":
                yield "the purge takes the record", state._replace(record=None)
        else:
            # Past its lifetime a key is a new operation.
            yield (
                "the purge takes the expired record",
                state._replace(record=None, effects=(), answers=frozenset(), deleted=False),
            )
        if self.mutant == "the record is in a store that can be lost":
            yield "the store loses the record", state._replace(record=None)
