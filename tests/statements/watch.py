"""
Every statement on its way to the database, as it comes: no list of them is written down anywhere.

    with watching(), through(hook):
        ...  # for each statement of this thread, on whichever connection: hook(connection, text, send)

What Django and the driver send by themselves is seen too: BEGIN, COMMIT, ROLLBACK, savepoints, SET AUTOCOMMIT.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from django_idempotency.claims.direct import DirectCursor
from django_idempotency.claims.messages import is_open

Send = Callable[[], Any]
Hook = Callable[[BaseDatabaseWrapper, str, Send], Any]


class _Thread(threading.local):
    hook: Hook | None = None


_thread = _Thread()


@contextmanager
def through(hook: Hook | None) -> Iterator[None]:
    """Let the statements of this thread pass through a hook."""
    before, _thread.hook = _thread.hook, hook
    try:
        yield
    finally:
        _thread.hook = before


@contextmanager
def watching() -> Iterator[None]:
    """Stand where Django hands statements to the driver of the default database, in all threads."""
    wrapper = type(connections["default"])
    with ExitStack() as stack:
        for name in ("_execute", "_executemany"):
            stack.enter_context(patch.object(CursorWrapper, name, _of_cursor(getattr(CursorWrapper, name))))
        direct = _of_direct_cursor(DirectCursor._execute)
        stack.enter_context(patch.object(DirectCursor, "_execute", direct))
        # Only MariaDB and MySQL are told of the mode; for the others the driver remembers it.
        for name in ("_commit", "_rollback", *(["_set_autocommit"] if wrapper.vendor == "mysql" else [])):
            stack.enter_context(patch.object(wrapper, name, _of_connection(name, getattr(wrapper, name))))
        yield


def _pass(connection: BaseDatabaseWrapper, text: str, send: Send) -> Any:
    hook = _thread.hook
    if hook is None:
        return send()
    with through(None):  # what the hook itself asks of a database is none of this
        return hook(connection, text, send)


def _of_cursor(original: Any) -> Any:
    def execute(cursor: CursorWrapper, sql: str, params: Any, *context: Any) -> Any:
        if _thread.hook is not None and _begins(cursor.db):
            _pass(cursor.db, "BEGIN", partial(_begin, cursor.db))
        return _pass(cursor.db, sql, partial(original, cursor, sql, params, *context))

    return execute


def _of_direct_cursor(original: Any) -> Any:
    def execute(cursor: DirectCursor, sql: str, params: Any, *context: Any) -> Any:
        text = f"BEGIN; {sql}" if _begins(cursor.db) else sql
        return _pass(cursor.db, text, partial(original, cursor, sql, params, *context))

    return execute


def _of_connection(name: str, original: Any) -> Any:
    def call(connection: BaseDatabaseWrapper, *arguments: Any) -> Any:
        if not _is_sent(connection):
            return original(connection, *arguments)
        words = [name.strip("_").replace("_", " ").upper(), *(str(int(each)) for each in arguments)]
        return _pass(connection, " ".join(words), partial(original, connection, *arguments))

    return call


def _begins(connection: BaseDatabaseWrapper) -> bool:
    """Whether psycopg is about to send BEGIN by itself, ahead of the next statement."""
    return (
        connection.vendor == "postgresql" and not connection.connection.autocommit and not is_open(connection)
    )


def _is_sent(connection: BaseDatabaseWrapper) -> bool:
    """Whether the end of a transaction is sent at all: psycopg ends none that is over already."""
    return connection.vendor != "postgresql" or connection.connection is None or is_open(connection)


def _begin(connection: BaseDatabaseWrapper) -> None:
    """Let psycopg send it now; it sees that and does not send it again."""
    raw: Any = connection.connection
    with connection.wrap_database_errors, raw.lock:
        raw.wait(raw._start_query())
