"""
PostgreSQL: lock, read, and write once.

An advisory lock of the transaction says at once whether the key is in flight; the primary key decides. In mode
`atomic` a record is either absent or complete: nothing is written before the handler has finished.
"""

from typing import Any, ClassVar

from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ..identity import Identity
from ..resources import Resource
from .base import CLEARED, COLUMNS, TABLE, Claim, Claims, Entry, Row
from .leases import Leases

# The server ended the session: shut down, crashed, not yet up, and three timeouts.
ENDED = frozenset({"57P01", "57P02", "57P03", "25P03", "25P04", "57P05"})

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

    LOCK: ClassVar[str] = "SELECT pg_try_advisory_xact_lock(%s)"

    READ = f"""
        SELECT {LIVE}, floor(EXTRACT(EPOCH FROM expires_at - statement_timestamp()))::bigint,
            state = 'in_progress' AND lease_expires_at <= statement_timestamp(), {", ".join(COLUMNS)}
        FROM {TABLE} WHERE id = %s"""

    # Taken over only where it is finished and expired: a leased row in flight or unknown never is.
    STORE: ClassVar[str] = f"""
        INSERT INTO {TABLE} AS record
            (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_status, response_headers,
             response_body, sealed_with, resource_type, resource_id, resource_database, attempt, created_at,
             completed_at, expires_at)
        VALUES (%s, %s, %s, %s, %s, 'completed', %s, %s, %s,
             %s, %s, %s, %s, %s, 1, now(), statement_timestamp(),
             now() + make_interval(secs => %s))
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
        VALUES (%s, %s, %s, %s, %s, 'in_progress', %s, '', '', '', '', %s, 1, now() + make_interval(secs => %s),
             now(), now() + make_interval(secs => %s))
        ON CONFLICT (id) DO UPDATE SET
            mode = excluded.mode, state = excluded.state, fingerprint = excluded.fingerprint, {CLEARED},
            owner = excluded.owner, attempt = 1, lease_expires_at = excluded.lease_expires_at,
            created_at = excluded.created_at, completed_at = NULL, expires_at = excluded.expires_at
        WHERE record.state = 'completed' AND record.expires_at <= statement_timestamp()"""

    # A lifetime that was over before this begins again: an answer must not expire at once.
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

    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        identity = entry.identity
        if entry.hold is not None:
            # A claim that is not committed is waited for by nobody; nor does one of this mode run beside one of atomic.
            cursor.execute(self.LOCK, [identity.lock])
            if not cursor.fetchone()[0]:
                return Claim.IN_FLIGHT
            parts = (identity.digest, identity.scope, identity.endpoint, identity.key, entry.mode.value)
            cursor.execute(self.LEASE, [*parts, entry.fingerprint, *entry.hold, entry.seconds])
            return Claim.CLAIMED if cursor.rowcount == 1 else Claim.AGAIN
        locked, row = self._lock_and_read(cursor, identity)
        if row is not None and row.live:
            return row  # also when the lock is taken: by another replay
        return Claim.CLAIMED if locked else Claim.IN_FLIGHT

    def _lock_and_read(self, cursor: CursorWrapper, identity: Identity) -> tuple[bool, Row | None]:
        """
        Two statements, since the read must have a snapshot that is younger than the lock.

        Where the driver sends text to the server as it is, both go in one round trip.
        """
        if _sends_text(cursor.db):
            cursor.execute(f"{self.LOCK}; {self.READ}", [identity.lock, identity.digest])
            (locked,) = cursor.fetchone()
            cursor.nextset()
            return locked, self.row(cursor.fetchall())
        cursor.execute(self.LOCK, [identity.lock])
        (locked,) = cursor.fetchone()
        return locked, self.read(cursor, identity)

    def write(self, cursor: CursorWrapper, entry: Entry, snapshot: Any, made: Resource) -> bool:
        identity = entry.identity
        if entry.hold is not None:
            cursor.execute(self.COMPLETE, [*snapshot.columns, *made, identity.digest, entry.hold.owner])
            return bool(cursor.rowcount == 1)
        cursor.execute(
            self.STORE,
            [
                *(identity.digest, identity.scope, identity.endpoint, identity.key, entry.mode.value),
                *(entry.fingerprint, *snapshot.columns, *made, entry.seconds),
            ],
        )
        return bool(cursor.rowcount == 1)

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


def _sends_text(connection: BaseDatabaseWrapper) -> bool:
    """Whether two statements may go in one string: psycopg 3, parameters bound by the client."""
    from django.db.backends.postgresql.psycopg_any import is_psycopg3

    return is_psycopg3 and not connection.settings_dict["OPTIONS"].get("server_side_binding")
