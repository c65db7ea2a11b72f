"""
Mode leased: the claim is committed first; response and writes are committed together, if the claim is still ours.

Each attempt has a token, and the record names the token that holds it. A lease may end at any moment. See
django_idempotency/leased.py and claims/leases.py.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from tests.model.explore import Model


class Phase(StrEnum):
    IDLE = "idle"
    FINDING = "finding out"  # the claim was taken over, and the service is asked
    CLAIMED = "claimed"
    CALLED = "called"  # the outside world has been reached
    WORKED = "worked"  # its writes are there, uncommitted
    STORED = "stored"  # and so is the response; the row is locked
    ASKING = "asking"  # its session or its COMMIT was lost
    LATE = "late"  # mutant: committed, and the response not yet written
    ANSWERED = "answered"
    DEAD = "dead"


INSIDE = (Phase.WORKED, Phase.STORED)


class Known(StrEnum):
    IN_PROGRESS = "in progress"
    UNKNOWN = "unknown"
    COMPLETED = "completed"


class Worker(NamedTuple):
    phase: Phase = Phase.IDLE
    # The token of its attempt.
    token: int = 0
    session: bool = True


class Record(NamedTuple):
    token: int
    known: Known = Known.IN_PROGRESS
    # In progress: the lease is over. Completed: the lifetime is.
    over: bool = False


class State(NamedTuple):
    """
    The world.

    Attributes:
        called: how often the outside world was reached, within the lifetime of one record.
        effects: which tokens' writes are committed, within the same time.
        answers: which tokens' responses clients were given, within the same time.
        tokens: how many were given out.
        faults: how many crashes, killed sessions and lost COMMITs may still come.
    """

    workers: tuple[Worker, ...]
    faults: int
    record: Record | None = None
    called: int = 0
    effects: tuple[int, ...] = ()
    answers: frozenset[int] = frozenset()
    tokens: int = 0

    def moved(self, i: int, phase: Phase, **changes: object) -> State:
        worker = self.workers[i]._replace(phase=phase, **{"session": True, **changes})  # type: ignore[arg-type]
        return self._replace(workers=(*self.workers[:i], worker, *self.workers[i + 1 :]))

    def holds(self, worker: Worker) -> bool:
        """The compare-and-set of everything that an attempt does to the record."""
        record = self.record
        return record is not None and record.token == worker.token and record.known is Known.IN_PROGRESS

    @property
    def locked(self) -> bool:
        """A session that lives has changed the row, and has not committed."""
        return any(worker.phase is Phase.STORED and worker.session for worker in self.workers)


@dataclass(frozen=True, slots=True)
class Leased(Model[State]):
    """
    Args:
        on_unknown: "fail", "retry" or "reconcile", the service knowing downstream keys.
        mutant: a change of the protocol; empty for none.
    """

    on_unknown: str = "fail"
    mutant: str = ""
    requests: int = 3
    faults: int = 2
    attempts: int = 3

    def begin(self) -> State:
        return State((Worker(),) * self.requests, self.faults)

    def form(self, state: State) -> Hashable:
        # All else goes by tokens, which the order of the attempts gives.
        return state._replace(workers=tuple(sorted(state.workers)))

    def broken(self, state: State) -> str | None:
        if len(state.effects) > 1:
            return "the writes happen once"
        if len(state.answers) > 1:
            return "all successes are one answer"
        if state.answers and not state.effects:
            return "a success tells of writes that are there"
        if self.on_unknown == "fail" and state.called > 1:
            return "the outside world is reached at most once"
        return None

    def settled(self, state: State) -> bool:
        idle = all(worker.phase in (Phase.IDLE, Phase.DEAD) for worker in state.workers)
        unknown = state.record is not None and self._known(state.record) is Known.UNKNOWN
        return (
            all(worker.phase is Phase.DEAD for worker in state.workers)
            or any(worker.phase is Phase.ANSWERED for worker in state.workers)
            # What is unknown waits for somebody to resolve it; out of tokens, this model ends.
            or (idle and unknown and (self.on_unknown == "fail" or state.tokens == self.attempts))
            or (idle and state.record is None and state.tokens == self.attempts)
        )

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        for i, worker in enumerate(state.workers):
            name = f"request {i + 1}"
            yield from ((f"{name} {words}", after) for words, after in self._own(state, i, worker))
            if state.faults and worker.phase not in (Phase.ANSWERED, Phase.DEAD):
                yield from ((f"{name} {words}", after) for words, after in self._faults(state, i, worker))
        yield from self._times(state)

    @staticmethod
    def _known(record: Record) -> Known:
        lapsed = record.known is Known.IN_PROGRESS and record.over
        return Known.UNKNOWN if lapsed else record.known

    # -- What a request does -----------------------------------------------------------------------

    def _own(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.phase in INSIDE and not worker.session:
            yield "notices that its session is gone", state.moved(i, Phase.ASKING)
            return
        does = {
            Phase.IDLE: self._arrive,
            Phase.FINDING: self._find_out,
            Phase.CLAIMED: self._call,
            Phase.CALLED: self._write,
            Phase.WORKED: self._store,
            Phase.STORED: self._finish,
            Phase.LATE: self._store_late,
            Phase.ASKING: self._ask,
        }
        if worker.phase in does:
            yield from does[worker.phase](state, i, worker)

    def _call(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        yield "calls the service", state._replace(called=state.called + 1).moved(i, Phase.CALLED)
        yield "says that nothing has happened", self._ended(state, i, worker, free=True)

    def _write(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        yield "writes", state.moved(i, Phase.WORKED)
        yield "raises", self._ended(state, i, worker, free=self.mutant == "any exception releases the key")

    def _finish(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        yield "commits, and is answered", self._answered(self._commit(state, worker), i, worker.token)

    def _store_late(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if state.holds(worker):
            done = state._replace(record=Record(worker.token, Known.COMPLETED))
            yield "stores its response in a later commit", self._answered(done, i, worker.token)

    def _arrive(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        record = state.record
        if record is not None and record.known is Known.COMPLETED and not record.over:
            yield "replays", self._answered(state, i, record.token)
        elif record is None or record.known is Known.COMPLETED:
            if state.tokens < self.attempts:
                yield "claims the key, and commits that", self._claimed(state, i, Phase.CLAIMED, new=True)
        elif self._known(record) is Known.UNKNOWN and not state.locked:
            if self.on_unknown == "fail" and self.mutant != "an unknown outcome is taken over":
                return  # refused until somebody resolves it
            if state.tokens < self.attempts:
                phase = Phase.FINDING if self.on_unknown == "reconcile" else Phase.CLAIMED
                yield "takes the claim over", self._claimed(state, i, phase, new=False)
        elif self.mutant == "a waiter deletes the row":
            yield "waits, and deletes the row", state._replace(record=None)
        # Else it is in flight: refused, and asks again.

    def _claimed(self, state: State, i: int, phase: Phase, *, new: bool) -> State:
        token = state.tokens + 1
        after = state._replace(record=Record(token), tokens=token).moved(i, phase, token=token)
        if new and state.record is not None:  # expired: a new operation
            return after._replace(called=0, effects=(), answers=frozenset())
        return after

    def _find_out(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if not state.called:
            yield "hears that nothing was done, and begins", state.moved(i, Phase.CLAIMED)
        elif state.holds(worker):
            yield "hears that it was done, and writes that", state.moved(i, Phase.STORED)
        else:
            yield "has lost the claim meanwhile", state.moved(i, Phase.IDLE)

    def _store(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if state.locked:
            return
        if self.mutant == "the response is stored in a later commit":
            yield (
                "commits its writes",
                state._replace(effects=(*state.effects, worker.token)).moved(i, Phase.LATE),
            )
        elif state.holds(worker):
            yield "writes the response", state.moved(i, Phase.STORED)
        elif self.mutant == "0 updated rows are ignored":
            effects = (*state.effects, worker.token)
            yield (
                "updates no row, and goes on",
                self._answered(state._replace(effects=effects), i, worker.token),
            )
        else:
            yield "has lost the claim, and rolls back", state.moved(i, Phase.ASKING)

    def _commit(self, state: State, worker: Worker) -> State:
        return state._replace(
            record=Record(worker.token, Known.COMPLETED), effects=(*state.effects, worker.token)
        )

    def _ask(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        record = state.record
        if self.mutant == "an error of COMMIT releases the key":
            yield "releases the key", state._replace(record=None).moved(i, Phase.IDLE)
        elif record is not None and record.known is Known.COMPLETED and not record.over:
            yield "finds its answer, or the winner's", self._answered(state, i, record.token)
        else:
            yield "finds no answer: 503", self._ended(state, i, worker, free=False)

    def _ended(self, state: State, i: int, worker: Worker, *, free: bool) -> State:
        """Leave the claim behind, if it is still ours: free, or with an outcome that is unknown."""
        if state.holds(worker):
            record = None if free else Record(worker.token, Known.UNKNOWN)
            state = state._replace(record=record)
        return state.moved(i, Phase.IDLE)

    def _answered(self, state: State, i: int, token: int) -> State:
        return state._replace(answers=state.answers | {token}).moved(i, Phase.ANSWERED)

    # -- What goes wrong ---------------------------------------------------------------------------

    def _faults(self, state: State, i: int, worker: Worker) -> Iterator[tuple[str, State]]:
        less = state._replace(faults=state.faults - 1)
        yield "is killed", less.moved(i, Phase.DEAD)
        if worker.phase in INSIDE and worker.session:
            yield "loses its session", less.moved(i, worker.phase, session=False)
        if worker.phase is Phase.STORED and worker.session:
            applied = self._commit(less, worker)
            yield "commits, and the answer is lost", applied.moved(i, Phase.ASKING)
            yield "commits, and is killed before it answers", applied.moved(i, Phase.DEAD)

    def _times(self, state: State) -> Iterator[tuple[str, State]]:
        record = state.record
        if record is None or state.locked:
            return
        yield from self._losses(state, finished=record.known is Known.COMPLETED)
        if not record.over and record.known is Known.IN_PROGRESS:
            yield "the lease ends", state._replace(record=record._replace(over=True))
        if not record.over and record.known is Known.COMPLETED:
            yield "the record expires", state._replace(record=record._replace(over=True))
        if record.over and record.known is Known.COMPLETED:
            yield (
                "the purge takes the expired record",
                state._replace(record=None, called=0, effects=(), answers=frozenset()),
            )

    def _losses(self, state: State, *, finished: bool) -> Iterator[tuple[str, State]]:
        """What takes a record away that should stay; each in a mutant only."""
        lost = state._replace(record=None)
        if self.mutant == "the record is in a store that can be lost":
            yield "the store loses the record", lost
        if self.mutant == "purge before retention" and finished:
            yield "the purge takes the record", lost
        if self.mutant == "the purge takes what is in flight or unknown" and not finished:
            yield "the purge takes the record", lost
        if self.mutant == "what is not finished expires" and not finished:
            yield "the record expires, and is forgotten", lost
