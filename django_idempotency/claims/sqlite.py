"""
SQLite: one writer.

The claim is a write, so it waits for the writer's lock; whoever gets it finds the key free or finished. "In flight"
is therefore a wait, bounded by the connection's `timeout`; past it the database is locked.
"""

import sqlite3
from typing import ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .base import CLEARED, TABLE, Claim, Entry, Row
from .leases import Leases
from .placeholder import PlaceholderClaims

# Doubled for the parameter style.
FORMAT = "'%%Y-%%m-%%d %%H:%%M:%%f'"
NOW = f"strftime({FORMAT}, 'now')"
LATER = f"strftime({FORMAT}, 'now', %s || ' seconds')"
SQL = PlaceholderClaims.statements(
    now=NOW,
    later=LATER,
    anew=f"strftime({FORMAT}, 'now', ((julianday(expires_at) - julianday(created_at)) * 86400) || ' seconds')",
    left="CAST((julianday(expires_at) - julianday('now')) * 86400 AS INTEGER)",
)


class SQLiteClaims(PlaceholderClaims):
    """One statement claims a free key and takes an expired one over; only a finished row expires."""

    NOW = NOW
    # SQLite tells only of the whole file.
    SIZE = f"""
        SELECT (SELECT count(*) FROM {TABLE}), page_count * page_size FROM pragma_page_count(), pragma_page_size()"""
    HOUR = "strftime('%%Y-%%m-%%d %%H:00:00', 'now')"
    READ = SQL["READ"]
    COMPLETE = SQL["COMPLETE"]
    leases = Leases(now=NOW, later=LATER)
    SCHEMA = frozenset({sqlite3.SQLITE_ERROR})
    CLAIM: ClassVar[str] = f"""
        INSERT {SQL["INSERT"]}
        ON CONFLICT (id) DO UPDATE SET
            mode = excluded.mode, state = excluded.state, fingerprint = excluded.fingerprint, {CLEARED},
            owner = excluded.owner, attempt = 1, lease_expires_at = excluded.lease_expires_at, created_at = excluded.created_at, completed_at = NULL,
            expires_at = excluded.expires_at
        WHERE state = 'completed' AND expires_at <= {NOW}"""

    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        cursor.execute(self.CLAIM, self.claim_parameters(entry))
        if cursor.rowcount == 1:
            return Claim.CLAIMED
        return self.read(cursor, entry.identity) or Claim.AGAIN

    def code(self, error: BaseException) -> object:
        return getattr(error.__cause__, "sqlite_errorcode", None)

    def lost(self, connection: BaseDatabaseWrapper, error: BaseException) -> bool:
        return False  # a file has no session to lose
