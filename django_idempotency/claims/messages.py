"""
What belongs together, in one message to PostgreSQL: one round trip where there would be two.

Only where the driver sends text to the server as it is: psycopg 3, parameters bound by the client, which is Django's
default. Elsewhere each statement travels alone.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.db.backends.utils import CursorWrapper

if is_psycopg3:
    from .direct import DirectCursor

Statement = tuple[str, Sequence[Any]]


def open_cursor(connection: BaseDatabaseWrapper) -> CursorWrapper:
    """A cursor: a direct one, where nobody has replaced the driver's, and nobody logs what Django's execute."""
    # As `connection.cursor()` does; the first two, Django has done to begin a block.
    if connection.connection is None or not connection.in_atomic_block:
        connection.close_if_health_check_failed()
        connection.ensure_connection()
    connection.validate_thread_sharing()
    session = connection.connection
    if (
        is_psycopg3
        and session.cursor_factory is base.Cursor
        and not connection.queries_logged
        # Else another BEGIN may be needed, which the driver knows: OPTIONS give an isolation level, for one.
        and (
            connection.autocommit
            or session.isolation_level is session.read_only is session.deferrable is None
        )
    ):
        return DirectCursor(connection)
    return connection.cursor()


def send(cursor: CursorWrapper, *statements: Statement, last: bool = False) -> Sequence[int | None]:
    """
    Send statements of the open transaction.

    Args:
        last: nothing but COMMIT comes after them; it goes along, where the end of the outermost block is nothing else.

    Returns:
        how many rows each of them has found or changed.
    """
    direct = is_psycopg3 and isinstance(cursor, DirectCursor)
    if not direct and not hold_several(cursor.db):
        return send_each(cursor, *statements)
    texts: list[str] = []
    parameters: list[Any] = []
    for text, values in statements:
        texts.append(text)
        parameters += values
    if last and may_commit(cursor.db):
        texts.append("COMMIT")
    cursor.execute("; ".join(texts), parameters)
    counts: list[int | None] = cursor.counts if direct else [cursor.rowcount]
    while not direct and cursor.nextset():
        counts.append(cursor.rowcount)
    return counts


def send_each(cursor: CursorWrapper, *statements: Statement, last: bool = False) -> Sequence[int | None]:
    """The same, each in a message of its own."""
    counts = []
    for text, parameters in statements:
        cursor.execute(text, parameters)
        counts.append(cursor.rowcount)
    return counts


def hold_several(connection: BaseDatabaseWrapper) -> bool:
    """Whether two statements may go in one message."""
    return is_psycopg3 and not connection.settings_dict["OPTIONS"].get("server_side_binding")


def may_commit(connection: BaseDatabaseWrapper) -> bool:
    """Whether COMMIT may be sent along: the open block is the outermost, and its end is nothing else."""
    return len(connection.atomic_blocks) == 1 and connection.commit_on_exit and not connection.needs_rollback


def is_open(connection: BaseDatabaseWrapper) -> bool:
    """Whether the server is inside a transaction of this session, failed or not."""
    session = connection.connection
    # The same number; where it is at hand, without an object around it. 0 is IDLE.
    return bool((session.pgconn if is_psycopg3 else session.info).transaction_status)
