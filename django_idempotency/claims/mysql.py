"""
MariaDB and MySQL: an ordinary read, then a row of our own as the claim.

The identity is the primary key and there is no other unique index, so a claim locks one row and no neighbour's gap.
"""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .base import CLEARED, TABLE, Claim, Entry, Row
from .leases import Leases
from .placeholder import PlaceholderClaims

if TYPE_CHECKING:
    from django.db.models import QuerySet

DUPLICATE = 1062
LOCK_WAIT_TIMEOUT = 1205
LOCK_NOWAIT = 3572  # MySQL's answer to NOWAIT; MariaDB answers with LOCK_WAIT_TIMEOUT

NOW = "UTC_TIMESTAMP(6)"
LATER = "UTC_TIMESTAMP(6) + INTERVAL %s SECOND"
SQL = PlaceholderClaims.statements(
    now=NOW,
    later=LATER,
    left="TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), expires_at)",
    anew="UTC_TIMESTAMP(6) + INTERVAL TIMESTAMPDIFF(MICROSECOND, created_at, expires_at) MICROSECOND",
)


class MySQLClaims(PlaceholderClaims):
    """Written for READ COMMITTED, which is Django's default here."""

    NOW = NOW
    SIZE = f"""
        SELECT table_rows, data_length + index_length FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_name = '{TABLE}'"""
    HOUR = "DATE_FORMAT(UTC_TIMESTAMP(), '%%Y-%%m-%%d %%H:00:00')"
    ADDING = "ON DUPLICATE KEY UPDATE requests = requests + VALUES(requests)"
    READ = SQL["READ"]
    COMPLETE = SQL["COMPLETE"]
    leases = Leases(
        now=NOW,
        later=LATER,
        # The first comment is for MariaDB, the second for MySQL, which waits at least a second.
        verb="/*M! SET STATEMENT innodb_lock_wait_timeout=0 FOR */ {} /*+ SET_VAR(innodb_lock_wait_timeout=1) */",
    )
    LOCKED = frozenset({LOCK_WAIT_TIMEOUT, LOCK_NOWAIT})
    UNDONE = frozenset({1213, 1020})  # deadlock; the row changed since it was read
    SCHEMA = frozenset({1054})  # unknown column
    # Without the bound, a duplicate would stay blocked for up to 50 seconds. Never INSERT IGNORE: it cuts long values.
    MARIADB_INSERT: ClassVar[str] = f"SET STATEMENT innodb_lock_wait_timeout=0 FOR INSERT {SQL['INSERT']}"
    # MySQL waits at least a second; the hint holds for this one statement.
    MYSQL_INSERT: ClassVar[str] = f"INSERT /*+ SET_VAR(innodb_lock_wait_timeout=1) */ {SQL['INSERT']}"
    LOCK: ClassVar[str] = f"{SQL['READ']} FOR UPDATE NOWAIT"
    TAKE_OVER: ClassVar[str] = f"""
        UPDATE {TABLE} SET
            mode = %s, state = 'in_progress', fingerprint = %s, {CLEARED}, owner = %s,
            attempt = 1, lease_expires_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND, created_at = UTC_TIMESTAMP(6), completed_at = NULL,
            expires_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND
        WHERE id = %s"""

    # One look at the primary key for each. Given a list of ids, a small table is read from end to end instead, and each
    # row that another session holds is waited for.
    REMOVE: ClassVar[str] = f"""
        DELETE record FROM
            JSON_TABLE(%s, '$[*]' COLUMNS (id varchar(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS chosen
            STRAIGHT_JOIN {TABLE} AS record ON record.id = chosen.id"""

    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        try:
            if seen is not None:
                return self._take_over(cursor, entry)
            mariadb = cursor.db.mysql_is_mariadb
            cursor.execute(
                self.MARIADB_INSERT if mariadb else self.MYSQL_INSERT, self.claim_parameters(entry)
            )
        except DatabaseError as error:
            # Both undo the statement only, so the transaction goes on.
            if self.code(error) in self.LOCKED:
                return Claim.IN_FLIGHT
            if self.code(error) == DUPLICATE:
                return Claim.AGAIN  # committed since the read
            raise
        return Claim.CLAIMED

    def _take_over(self, cursor: CursorWrapper, entry: Entry) -> Row | Claim:
        """Lock the expired row before anything else: racing INSERTs would share a lock, and both be refused."""
        cursor.execute(self.LOCK, [entry.identity.digest])
        row = self.first_row(cursor)
        if row is None:
            return Claim.AGAIN  # purged since the read
        if row.live:
            return row
        # The lock is held and the row is dead, so this has no condition of its own.
        cursor.execute(
            self.TAKE_OVER,
            [
                entry.mode,
                entry.fingerprint,
                *(entry.hold or (None, None)),
                entry.seconds,
                entry.identity.digest,
            ],
        )
        return Claim.CLAIMED

    def remove(self, records: "QuerySet[Any]") -> int:
        ids = json.dumps(list(records.values_list("pk", flat=True)))
        with connections[records.db].cursor() as cursor:
            cursor.execute(self.REMOVE, [ids])
            return int(cursor.rowcount)

    def code(self, error: BaseException) -> object:
        return error.args[0] if error.args else None

    def lost(self, connection: BaseDatabaseWrapper, error: BaseException) -> bool:
        # Server gone, lost in a query, killed, shut down, refused; 0 is PyMySQL's "already closed".
        return self.code(error) in (0, 1053, 1927, 2002, 2003, 2006, 2013, 2055, 4031)
