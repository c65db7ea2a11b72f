"""What the engine asks of a database, and what it is told."""

from abc import ABC, abstractmethod
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ..choices import Mode, State
from ..identity import Identity
from ..resources import Resource
from .leases import CLEARED as CLEARED
from .leases import TABLE as TABLE
from .leases import Leases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from ..responses import Snapshot


class Row(NamedTuple):
    """
    A stored record, as far as a replay needs it.

    Attributes:
        live: False when a new request may take the record over; by the database's clock.
        expires_in: seconds left; None where it lives for ever.
        lapsed: a claim of mode leased whose time is over; by the database's clock.
        gone: the object was found deleted.
    """

    live: bool
    expires_in: float | None
    lapsed: bool | None
    gone: bool
    mode: str
    state: str
    fingerprint: str
    response_status: int | None
    response_headers: str
    response_body: bytes | None
    sealed_with: str
    resource_type: str
    resource_id: str
    resource_database: str
    owner: Any
    attempt: int

    @property
    def known(self) -> str:
        """What is known of the request by now, a `State`: a claim that has lapsed says nothing any more."""
        return State.UNKNOWN if self.lapsed else self.state

    @property
    def resource(self) -> Resource:
        """The object that the record is bound to."""
        return Resource(self.resource_type, self.resource_id, self.resource_database)

    def __repr__(self) -> str:
        return f"<Row {self.state} {self.response_status}>"  # neither body nor headers: it ends up in error reports


# The columns that follow what is computed, by their names in the table, which are the model's too; in its order.
COLUMNS = Row._fields[4:]


class Claim(Enum):
    """What a claim found, where it did not find a live row."""

    CLAIMED = "claimed"
    # Claimed, and the expired record is still there.
    TAKEN_OVER = "taken over"
    IN_FLIGHT = "in flight"
    AGAIN = "again"


class Trouble(Enum):
    """What a database error says of the transaction that it came from."""

    # The session is gone, and with it everything that was not committed.
    LOST = "lost"
    # The database undid the transaction to let another one pass; it may be begun again.
    AGAIN = "again"
    # The database cannot serve this now: a lock that was not given in time, a full disk, a cancelled statement.
    BUSY = "busy"
    # An error of the statement itself, such as a constraint.
    OTHER = "other"


class Hold(NamedTuple):
    """
    Who holds a claim of mode leased, and for how long.

    Attributes:
        owner: 32 hexadecimal digits, new for each attempt: the fencing token.
    """

    owner: str
    seconds: float


class Entry(NamedTuple):
    """The part of a record that is known before the handler runs."""

    identity: Identity
    fingerprint: str
    mode: Mode
    lifetime: timedelta | None
    # Mode leased only.
    hold: Hold | None = None

    @property
    def seconds(self) -> float | None:
        """The lifetime in seconds; None for ever."""
        return None if self.lifetime is None else self.lifetime.total_seconds()


class Claims(ABC):
    """
    The statements of one kind of database.

    In mode atomic a claim lives in the transaction that it was made in, and dies with it.
    """

    # The database's clock, in UTC, as Django stores a time.
    NOW: ClassVar[str]
    # Whether an ordinary read comes before the transaction: a replay then neither locks nor begins one.
    reads_first: ClassVar[bool]
    # `SELECT live, expires_in, lapsed, gone, <COLUMNS> ... WHERE id = %s`
    READ: ClassVar[str]
    # What keeps a claim of mode leased, and ends it.
    leases: ClassVar[Leases]
    # The beginning of this hour, by the same clock.
    HOUR: ClassVar[str]
    # How an INSERT of counts adds to the rows that are there.
    ADDING: ClassVar[str] = (
        "ON CONFLICT (hour, endpoint, outcome) DO UPDATE SET requests = idempotency_count.requests + excluded.requests"
    )
    # How many records the table has, and the bytes that it takes; by the database's own estimate where counting is dear.
    SIZE: ClassVar[str]
    # Codes: the whole transaction was undone (deadlock, serialization failure).
    UNDONE: ClassVar[frozenset[object]] = frozenset()
    # Codes: the row is locked by another session, and the statement was told not to wait.
    LOCKED: ClassVar[frozenset[object]] = frozenset()
    # Codes: an operational error that says the migrations have not run; it must not pass for a database that is down.
    SCHEMA: ClassVar[frozenset[object]] = frozenset()

    def cursor(self, connection: BaseDatabaseWrapper) -> CursorWrapper:
        """A cursor for the statements of one attempt."""
        return connection.cursor()

    def read(self, cursor: CursorWrapper, identity: Identity) -> Row | None:
        """The stored record, live or not; takes no lock."""
        cursor.execute(self.READ, [identity.digest])
        return self.first_row(cursor)

    @abstractmethod
    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        """
        Claim the key for the open transaction; in mode leased, for good: commit it at once.

        Args:
            seen: the dead row that a read before the transaction found, if any.

        Returns:
            the live row that answers instead, or how the claim ended.
        """

    def store(
        self, cursor: CursorWrapper, entry: Entry, snapshot: "Snapshot", made: Resource, *, new: bool = False
    ) -> bool:
        """
        Write the finished record in the same transaction; every stored response passes here, and is encrypted here.

        Nothing but COMMIT comes after it, which may have been sent along when it returns.

        Args:
            made: the object that the record is bound to.
            new: the claim has found no record.

        Returns:
            False when the claim is not ours any more: everything must be rolled back.
        """
        return self.write(cursor, entry, snapshot.sealed(entry.identity.digest), made, new=new)

    @abstractmethod
    def write(
        self, cursor: CursorWrapper, entry: Entry, snapshot: "Snapshot", made: Resource, *, new: bool
    ) -> bool:
        """`store`, with the response as it is to be written."""

    def remove(self, records: "QuerySet[Any]") -> int:
        """Delete records that are locked by this transaction, waiting for no other's; return how many."""
        # In one statement, with its condition. `delete()` would first fetch all of each record, its body included, where
        # the project listens to the deletions of every model.
        return records._raw_delete(records.db)

    def count(self, cursor: CursorWrapper, rows: "Sequence[tuple[str, str, int]]") -> None:
        """Add counts to those of this hour, in one statement; rows: endpoint, outcome, how many."""
        values = ", ".join(f"({self.HOUR}, %s, %s, %s)" for _ in rows)
        cursor.execute(
            f"INSERT INTO idempotency_count (hour, endpoint, outcome, requests) VALUES {values} {self.ADDING}",
            [value for row in rows for value in row],
        )

    def size(self, cursor: CursorWrapper) -> tuple[int | None, int]:
        """How many records there are, about, and the bytes that they and their indexes take."""
        cursor.execute(self.SIZE)
        records, size = cursor.fetchone()
        return records, int(size)

    @abstractmethod
    def code(self, error: BaseException) -> object:
        """The number or the letters by which the database names an error."""

    @abstractmethod
    def lost(self, connection: BaseDatabaseWrapper, error: BaseException) -> bool:
        """Whether the session ended with this error, or before it."""

    def trouble(self, connection: BaseDatabaseWrapper, error: BaseException) -> Trouble:
        """Judge an error that came out of Django's database layer."""
        # Django gives a session up by itself when even the rollback fails; one that failed while it was made, it keeps.
        given_up = connection.connection is None or connection.closed_in_transaction
        half_made = not connection.in_atomic_block and not connection.autocommit
        if given_up or half_made or self.lost(connection, error):
            return Trouble.LOST
        if self.code(error) in self.UNDONE:
            return Trouble.AGAIN
        if isinstance(error, OperationalError | InterfaceError) and self.code(error) not in self.SCHEMA:
            return Trouble.BUSY
        return Trouble.OTHER

    @staticmethod
    def first_row(cursor: CursorWrapper) -> Row | None:
        """The first of the rows that a cursor has found, or None."""
        rows = cursor.fetchall()  # to the end: SQLite goes on with a statement, and its lock, until then
        return Row(*rows[0]) if rows else None
