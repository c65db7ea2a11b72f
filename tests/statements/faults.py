"""What can go wrong at a statement. The database really fails, and it is its driver that raises."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any, NamedTuple, Self

from django.db import connection as current
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.guarantee.moments import end_session
from tests.statements.watch import Send


class Kind(Enum):
    """What happens."""

    # The database cannot serve the statement now: canceled, a lock not given in time.
    BUSY = "busy"
    # The database undoes the transaction to let another one pass: a serialization failure, a deadlock.
    UNDONE = "undone"
    # The server ends the session.
    CLOSED = "closed"
    # The process dies by SIGKILL.
    KILLED = "killed"


class When(Enum):
    BEFORE = "before"
    # It has taken effect.
    AFTER = "after"


class Fault(NamedTuple):
    """
    One of them, at one statement.

    Attributes:
        position: the number of the statement in its request, from 0.
    """

    position: int
    kind: Kind
    when: When

    def __str__(self) -> str:
        return f"{self.position}-{self.kind.value}-{self.when.value}"

    @classmethod
    def parse(cls, text: str) -> Self:
        position, kind, when = text.split("-")
        return cls(int(position), Kind(kind), When(when))


def possible(vendor: str, kind: Kind, when: When) -> bool:
    """Whether that can happen to a database of this kind."""
    # SQLite is in the process: no session, no answer that could be lost, and nobody to be undone for.
    return vendor != "sqlite" or kind is Kind.KILLED or (kind, when) == (Kind.BUSY, When.BEFORE)


def suffer(fault: Fault, connection: BaseDatabaseWrapper, send: Send) -> Any:
    """Send the statement, or not, and let the fault happen. Nothing is ever returned of it."""
    if fault.when is When.AFTER:
        send()
    if fault.kind is Kind.KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    if fault.kind is not Kind.CLOSED:
        fail(connection, fault)
    end_session(number(connection))
    notice(connection, send if fault.when is When.BEFORE else partial(run, connection, "SELECT 1"))


def number(connection: BaseDatabaseWrapper) -> int:
    """The session, without asking for it by a statement."""
    raw: Any = connection.connection
    return int(raw.info.backend_pid if connection.vendor == "postgresql" else raw.thread_id())


def notice(connection: BaseDatabaseWrapper, send: Send) -> None:
    """Find out by a statement that the session is gone."""
    try:
        send()
    finally:
        # psycopg may hear that the socket was closed where libpq has not read so, and then never does: it takes the
        # session for open, and Django sends it a statement more.
        session: Any = connection.connection
        if connection.vendor == "postgresql" and not session.closed:
            session.close()


def fail(connection: BaseDatabaseWrapper, fault: Fault) -> None:
    """Make the database fail, with the session alive."""
    kind = fault.kind
    if connection.vendor == "sqlite":
        interrupt(connection)
    elif connection.vendor == "postgresql":
        state = {Kind.BUSY: "57014", Kind.UNDONE: "40001"}[kind]
        run(connection, f"DO $$ BEGIN RAISE EXCEPTION 'a test' USING ERRCODE = '{state}'; END $$")
    else:
        if kind is Kind.UNDONE:
            run(connection, "ROLLBACK")  # as the server does before it says so
        # A lock that was not given in time; a statement that took too long, for the first one never takes effect.
        busy = 1205 if fault.when is When.BEFORE else 1969
        code = busy if kind is Kind.BUSY else 1213
        run(connection, f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = 'a test'")


MANY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n"


@contextmanager
def fails(text: str) -> Iterator[None]:
    """Let statements of this thread that begin so fail, with the session alive."""

    def instead(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(text):
            fail(context["connection"], Fault(0, Kind.BUSY, When.BEFORE))
        return execute(sql, params, many, context)

    with current.execute_wrapper(instead):
        yield


def interrupt(connection: BaseDatabaseWrapper) -> None:
    """Begin something long, and have it stopped."""
    raw: Any = connection.connection
    raw.set_progress_handler(lambda: 1, 1)
    try:
        run(connection, MANY)
    finally:
        raw.set_progress_handler(None, 1)


def run(connection: BaseDatabaseWrapper, sql: str) -> None:
    """Send it as the driver would, and let errors look as Django makes them look."""
    raw: Any = connection.connection
    with connection.wrap_database_errors:
        cursor = raw.cursor()
        try:
            cursor.execute(sql)
            cursor.fetchall() if cursor.description else None
        finally:
            cursor.close()
