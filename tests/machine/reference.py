"""What must be answered, and what must be there afterwards: the promises, without database, lease or transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from tests.machine.endpoint import Ask


class Known(Enum):
    """What is known of a request; the values are those of a record's state."""

    IN_FLIGHT = "in_progress"
    UNKNOWN = "unknown"
    DONE = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """
    What became of a key.

    Attributes:
        made: the id of the object that its answer tells of.
        lapsed: in flight, and its lease is over.
        expired: its lifetime is over. Only what is done expires.
        buried: the purge has seen that the object is gone.
    """

    amount: int
    known: Known
    status: int = 0
    body: bytes = b""
    made: int | None = None
    lapsed: bool = False
    expired: bool = False
    buried: bool = False

    @property
    def lost(self) -> bool:
        return self.known is Known.UNKNOWN or self.lapsed


@dataclass(frozen=True, slots=True)
class Run:
    """The handler must run."""

    status: int
    # An earlier attempt may have done something.
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It must not, and this is why."""

    status: int
    code: str


@dataclass(frozen=True, slots=True)
class Replay:
    """It must not, and this has been answered before, or was found out."""

    status: int
    body: bytes


Expected = Run | Refused | Replay
STATUS = {
    "makes": 201,
    "does nothing": 200,
    "is declined": 402,
    "is refused": 400,
    "raises": 500,
    "dies": 500,
    "says that nothing happened": 503,
}
FINAL = ("makes", "does nothing", "is declined")
HARMLESS = ("is refused", "says that nothing happened")
CONFLICT = Refused(422, "idempotency_conflict")
IN_PROGRESS = Refused(409, "idempotency_in_progress")
UNKNOWN = Refused(409, "outcome_unknown")
GONE = Refused(404, "not_found")


class Reference:
    """
    The world as it must be.

    Attributes:
        records: by caller and key.
        effects: id and amount of what is there.
    """

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.effects: dict[int, int] = {}

    def expects(self, ask: Ask) -> Expected:
        record = self.records.get(ask.place)
        run = Run(STATUS[ask.end])
        if record is None or (record.known is Known.DONE and record.expired):
            return run
        if record.known is Known.IN_FLIGHT and not record.lapsed:
            # Mode leased does not look at what is under way; mode atomic compares first.
            return IN_PROGRESS if ask.leased or record.amount == ask.amount else CONFLICT
        if record.amount != ask.amount:
            return CONFLICT
        if record.lost:
            return self._expects_of_lost(ask, run)
        if record.made is not None and record.made not in self.effects:
            return GONE
        return Replay(record.status, record.body)

    @staticmethod
    def _expects_of_lost(ask: Ask, run: Run) -> Expected:
        if ask.policy == "retry":
            return replace(run, taken_over=True)
        if ask.policy != "reconcile" or ask.finding == "still unknown":
            return UNKNOWN
        return run if ask.finding == "not done" else Replay(201, b'{"found": %d}' % ask.amount)

    def answered(self, ask: Ask, expected: Expected, made: int | None, body: bytes) -> None:
        """Take note of what an answer means."""
        record = self.records.get(ask.place)
        if isinstance(expected, Run):
            self._ran(ask, expected, made, body)
        elif record is not None and record.lost and ask.policy == "reconcile" and expected is not CONFLICT:
            # The hook was asked, and what it said is written down.
            if isinstance(expected, Replay):
                self.resolve(ask.place, expected.status, expected.body)
            else:
                self.records[ask.place] = replace(record, known=Known.UNKNOWN, lapsed=False)

    def _ran(self, ask: Ask, run: Run, made: int | None, body: bytes) -> None:
        if ask.end == "makes" and made is not None:
            self.effects[made] = ask.amount
        if ask.end in FINAL:
            self.records[ask.place] = Record(
                amount=ask.amount, known=Known.DONE, status=run.status, body=body, made=made
            )
        elif not ask.leased:
            pass  # undone, as if it had not been sent
        elif ask.end in HARMLESS and not run.taken_over:
            self.records.pop(ask.place, None)
        else:
            known = Known.IN_FLIGHT if ask.end == "dies" else Known.UNKNOWN
            self.records[ask.place] = Record(amount=ask.amount, known=known)

    def resolve(self, place: tuple[str, str], status: int, body: bytes) -> None:
        """What was unknown is done, and this is the answer."""
        amount = self.records[place].amount
        self.records[place] = Record(amount=amount, known=Known.DONE, status=status, body=body)

    def change(self, place: tuple[str, str], **changes: bool) -> None:
        self.records[place] = replace(self.records[place], **changes)  # type: ignore[arg-type]

    def purge(self) -> tuple[int, int]:
        """How many records go, and how many become tombstones."""
        done = {place: record for place, record in self.records.items() if record.known is Known.DONE}
        expired = [place for place, record in done.items() if record.expired]
        gone = [
            place
            for place, record in done.items()
            if not record.expired
            and not record.buried
            and record.made is not None
            and record.made not in self.effects
        ]
        for place in expired:
            del self.records[place]
        for place in gone:
            self.change(place, buried=True)
        return len(expired), len(gone)
