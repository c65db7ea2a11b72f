"""
PostgreSQL: lock, look, and write once.

An advisory lock of the transaction says at once whether the key is in flight; the primary key decides. In mode
`atomic` a record is either absent or complete: nothing is written before the handler has finished. Its claim travels
in one message with BEGIN, and its record in one with COMMIT: a guard has no round trip of its own.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from django.db import IntegrityError, InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ..resources import Resource
from . import messages
from .base import CLEARED, COLUMNS, TABLE, Claim, Claims, Entry, Row
from .leases import Leases

if TYPE_CHECKING:
    from ..responses import Snapshot

# The server ended the session: shut down, crashed, not yet up, and three timeouts.
ENDED = frozenset({"57P01", "57P02", "57P03", "25P03", "25P04", "57P05"})

DUPLICATE = "23505"

# statement_timestamp(), because now() stands still in a transaction: a claim that waited would judge by old time.
LIVE = "(state <> 'completed' OR expires_at IS NULL OR expires_at > statement_timestamp())"


class PostgreSQLClaims(Claims):
    """Written for READ COMMITTED, where each statement has a snapshot of its own."""

    NOW = "statement_timestamp()"
    HOUR = "date_trunc('hour', statement_timestamp(), 'UTC')"
    # -1: nobody has looked yet.
    SIZE = f"""
        SELECT nullif(reltuples, -1)::bigint, pg_total_relation_size(oid) FROM pg_class WHERE oid = '{TABLE}'::regclass"""
    reads_first = False
    UNDONE = frozenset({"40001", "40P01"})  # serialization failure, deadlock
    LOCKED = frozenset({"55P03"})

    # One row, if the lock was free.
    LOCK: ClassVar[str] = "SELECT 1 WHERE pg_try_advisory_xact_lock(%s)"

    # The youngest column: where the migrations have not run, it fails here, before the handler. Not part of LOCK, since
    # it must have a snapshot that is younger than the lock; nor is it READ: it finds nothing as a rule, and what names
    # few columns is planned sooner.
    LOOK: ClassVar[str] = f"SELECT sealed_with FROM {TABLE} WHERE id = %s"
    READ = f"""
        SELECT {LIVE}, date_part('epoch', expires_at - statement_timestamp()),
            state = 'in_progress' AND lease_expires_at <= statement_timestamp(), resource_deleted_at IS NOT NULL,
            {", ".join(COLUMNS)}
        FROM {TABLE} WHERE id = %s"""

    # A lifetime that is over before this begins now: an answer must not expire at once.
    INSERT: ClassVar[str] = f"""
        INSERT INTO {TABLE} AS record
            (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_status, response_headers,
             response_body, sealed_with, resource_type, resource_id, resource_database, attempt, created_at,
             completed_at, expires_at)
        VALUES (%s, %s, %s, %s, 'atomic', 'completed', %s, %s, %s,
             %s, %s, %s, %s, %s, 1, now(), statement_timestamp(),
             %s::interval + CASE WHEN now() + %s::interval > statement_timestamp()
                 THEN now() ELSE statement_timestamp() END)"""
    # Taken over only where it is finished and expired: a leased row in flight or unknown never is.
    TAKE_OVER: ClassVar[str] = f"""{INSERT}
        ON CONFLICT (id) DO UPDATE SET
            mode = excluded.mode, fingerprint = excluded.fingerprint, response_status = excluded.response_status,
            response_headers = excluded.response_headers, response_body = excluded.response_body,
            sealed_with = excluded.sealed_with, resource_type = excluded.resource_type,
            resource_id = excluded.resource_id, resource_database = excluded.resource_database,
            resource_deleted_at = NULL, owner = NULL, attempt = 1, lease_expires_at = NULL,
            created_at = excluded.created_at, completed_at = excluded.completed_at,
            expires_at = excluded.expires_at
        WHERE record.state = 'completed' AND record.expires_at <= statement_timestamp()"""

    # Mode leased: committed by itself; a row that is there answers instead.
    LEASE: ClassVar[str] = f"""
        INSERT INTO {TABLE} AS record
            (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_headers,
             resource_type, resource_id, resource_database, owner, attempt, lease_expires_at, created_at, expires_at)
        VALUES (%s, %s, %s, %s, %s, 'in_progress', %s, '', '', '', '', %s, 1, now() + %s::interval,
             now(), now() + %s::interval)
        ON CONFLICT (id) DO UPDATE SET
            mode = excluded.mode, state = excluded.state, fingerprint = excluded.fingerprint, {CLEARED},
            owner = excluded.owner, attempt = 1, lease_expires_at = excluded.lease_expires_at,
            created_at = excluded.created_at, completed_at = NULL, expires_at = excluded.expires_at
        WHERE record.state = 'completed' AND record.expires_at <= statement_timestamp()"""

    # A lifetime that was over before this begins again, as above.
    COMPLETE: ClassVar[str] = f"""
        UPDATE {TABLE} SET state = 'completed', response_status = %s, response_headers = %s, response_body = %s,
            sealed_with = %s, resource_type = %s, resource_id = %s, resource_database = %s,
            completed_at = statement_timestamp(), lease_expires_at = NULL,
            expires_at = CASE WHEN expires_at > statement_timestamp() THEN expires_at ELSE
                statement_timestamp() + make_interval(secs => EXTRACT(EPOCH FROM expires_at - created_at)) END
        WHERE id = %s AND owner = %s AND state = 'in_progress'"""

    leases = Leases(
        now="statement_timestamp()",
        later="statement_timestamp() + make_interval(secs => %s)",
        row=f"id = (SELECT id FROM {TABLE} WHERE id = %s FOR UPDATE NOWAIT)",
    )

    cursor = staticmethod(messages.open_cursor)
    send = staticmethod(messages.send)

    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        identity = entry.identity
        lock = self.LOCK, [identity.lock]
        if (hold := entry.hold) is not None:
            # A claim that is not committed is waited for by nobody; nor does one of this mode run beside one of atomic.
            (locked,) = self.send(cursor, lock)
            if not locked:
                return Claim.IN_FLIGHT
            parts = (identity.digest, identity.scope, identity.endpoint, identity.key, entry.mode)
            values = [*parts, entry.fingerprint, hold.owner, lasting(hold.seconds), lasting(entry.seconds)]
            # Where it changes no row, COMMIT ends a transaction that has done nothing.
            changed, *_ = self.send(cursor, (self.LEASE, values), last=True)
            return Claim.CLAIMED if changed else Claim.AGAIN
        locked, there = self.send(cursor, lock, (self.LOOK, [identity.digest]))
        row = self.read(cursor, identity) if there else None
        if row is not None and row.live:
            return row  # also when the lock is taken: by another replay
        if not locked:
            return Claim.IN_FLIGHT
        return Claim.CLAIMED if row is None else Claim.TAKEN_OVER

    def write(
        self, cursor: CursorWrapper, entry: Entry, snapshot: "Snapshot", made: Resource, *, new: bool
    ) -> bool:
        identity = entry.identity
        if entry.hold is not None:
            cursor.execute(self.COMPLETE, [*snapshot.columns, *made, identity.digest, entry.hold.owner])
            return bool(cursor.rowcount == 1)
        if not messages.is_open(cursor.db):
            return False  # the handler has ended the transaction, and with it the claim
        parts = (identity.digest, identity.scope, identity.endpoint, identity.key, entry.fingerprint)
        lifetime = lasting(entry.seconds)
        parameters = [*parts, *snapshot.columns, *made, lifetime, lifetime]
        if not new:
            cursor.execute(self.TAKE_OVER, parameters)
            return bool(cursor.rowcount == 1)
        try:
            # Another's record is an error, and COMMIT is not reached.
            self.send(cursor, (self.INSERT, parameters), last=True)
        except IntegrityError as error:
            # Once the transaction is over, it is an error of COMMIT: of a constraint of the handler's that waited for it.
            if self.code(error) != DUPLICATE or not messages.is_open(cursor.db):
                raise
            return False
        return True

    def code(self, error: BaseException) -> object:
        cause = error.__cause__
        return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)

    def lost(self, connection: BaseDatabaseWrapper, error: BaseException) -> bool:
        # Not the connection alone: Django may have opened another one after the rollback that failed.
        code = str(self.code(error) or "")
        # Of this driver, not of another database that a handler asks.
        own = isinstance(error.__cause__, connection.Database.Error)  # type: ignore[attr-defined]
        unanswered = own and not code and isinstance(error, OperationalError | InterfaceError)
        return unanswered or code in ENDED or code.startswith("08") or bool(connection.connection.closed)


@lru_cache
def lasting(seconds: float | None) -> str | None:
    """So many seconds as an interval; a function of the server's would take longer to find than to call."""
    return None if seconds is None else f"{seconds:f} s"  # to the microsecond, and never with an exponent
