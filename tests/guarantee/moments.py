"""Moments around the COMMIT of a guarded request, for a handler that wants something to happen just then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.db import connection

from django_idempotency.models import IdempotencyRecord

TABLE = IdempotencyRecord._meta.db_table

OWN_SESSION = {"postgresql": "SELECT pg_backend_pid()", "mysql": "SELECT connection_id()"}
END_SESSION = {"postgresql": "SELECT pg_terminate_backend(%s)", "mysql": "KILL %s"}
SESSIONS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid = %s",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE id = %s",
}
# Not any statement: a server that has answered one goes on calling it the session's for a moment.
LOCKING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'",
    "mysql": "SELECT count(*) FROM information_schema.processlist"
    " WHERE id = %s AND command = 'Query' AND info LIKE 'SELECT %%FOR UPDATE'",
}


def before_the_store(action: Callable[[], object]) -> None:
    """For a handler: once it has returned, right before its response is written down."""
    _at_the_record(action, after=False)


def after_the_store(action: Callable[[], object]) -> None:
    """For a handler: once its response is written down, right before COMMIT."""
    _at_the_record(action, after=True)


def after_the_first_read(action: Callable[[], object]) -> None:
    """Before a request: once it has read the record of its key."""
    _at_the_record(action, after=True)


def _at_the_record(action: Callable[[], object], *, after: bool) -> None:
    """Around the next statement that names the table of the records."""

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if TABLE not in sql:
            return execute(sql, params, many, context)
        connection.execute_wrappers.remove(wrapper)
        if not after:
            action()
        if not after:
            return execute(sql, params, many, context)
        return before_commit(action, execute, sql, params, many, context)

    connection.execute_wrappers.append(wrapper)


def before_commit(
    action: Callable[[], object], execute: Any, sql: str, params: Any, many: bool, context: Any
) -> Any:
    """
    Let something happen right after a statement, before the COMMIT that may travel with it.

    As if the session, or whoever was to send the rest, had stopped between the two.
    """
    statement, together, _ = sql.partition("; COMMIT")
    result = execute(statement, params, many, context)
    action()
    if together:  # by the driver: the cursor still tells of the statement
        with context["connection"].wrap_database_errors:
            context["connection"].connection.commit()
    return result


def session() -> int:
    """The database session of this thread."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_SESSION[connection.vendor])
        return int(cursor.fetchone()[0])


def is_open(number: int) -> bool:
    """Whether the server still has that session."""
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS[connection.vendor], [number])
        return bool(cursor.fetchone()[0])


def is_locking(number: int) -> bool:
    """Whether that session is inside a statement that waits for a row's lock."""
    with connection.cursor() as cursor:
        cursor.execute(LOCKING[connection.vendor], [number])
        return bool(cursor.fetchone()[0])


def end_session(number: int) -> None:
    """End a session as an administrator would, and wait until the server has undone its work."""
    other = connection.copy()
    other.inc_thread_sharing()
    try:
        with other.cursor() as cursor:
            cursor.execute(END_SESSION[connection.vendor], [number])
            deadline = time.monotonic() + 20
            while True:
                cursor.execute(SESSIONS[connection.vendor], [number])
                if not cursor.fetchone()[0]:
                    return
                assert time.monotonic() < deadline, "the session does not end"
                time.sleep(0.002)
    finally:
        other.close()
