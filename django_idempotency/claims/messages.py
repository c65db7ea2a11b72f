"""
What belongs together, in one message to PostgreSQL: one round trip where there would be two.

Only where the driver sends text to the server as it is: psycopg 3, parameters bound by the client, which is Django's
default. Elsewhere each statement travels alone.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.db.backends.utils import CursorWrapper


def hold_several(connection: BaseDatabaseWrapper) -> bool:
    """Whether two statements may go in one message."""
    return is_psycopg3 and not connection.settings_dict["OPTIONS"].get("server_side_binding")


def send(cursor: CursorWrapper, statements: str, parameters: Sequence[Any]) -> None:
    """Send statements of an open transaction; the cursor stands at the first. If there is none yet, they begin it."""
    session = cursor.db.connection
    begins = hold_several(cursor.db) and not is_open(cursor.db) and not session.autocommit
    if not begins or _begins_its_own_way(session):
        cursor.execute(statements, parameters)
        return
    # Else psycopg would put BEGIN before it, in a message and a round trip of its own.
    session._autocommit = True
    try:
        cursor.execute(f"BEGIN; {statements}", parameters)
    finally:
        session._autocommit = False
    cursor.nextset()


def may_commit(connection: BaseDatabaseWrapper) -> bool:
    """Whether COMMIT may be sent along: the open block is the outermost, and its end is nothing else."""
    return (
        len(connection.atomic_blocks) == 1
        and connection.commit_on_exit
        and not connection.needs_rollback
        and hold_several(connection)
    )


def is_open(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server is inside a transaction of this session, failed or not."""
    session = connection.connection
    # The same number; where it is at hand, without an object around it. 0 is IDLE.
    return bool((session.pgconn if is_psycopg3 else session.info).transaction_status)


def _begins_its_own_way(session: Any) -> bool:
    """Whether a plain BEGIN would not do: OPTIONS give an isolation level, or the session was told otherwise."""
    return any(each is not None for each in (session.isolation_level, session.read_only, session.deferrable))
