"""Emptying a database between two tests, which have committed."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper

# The sessions that a test, or a server that it started, has left open. Their locks would stop the emptying, and
# what they commit later would meet the next test. SQLite has no server to ask.
OTHER_SESSIONS = {
    "postgresql": "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
    "mysql": "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
}
END_SESSION = {"postgresql": "SELECT pg_terminate_backend({})", "mysql": "KILL {}"}

# The server may take a moment to roll a session back.
PATIENCE = 20.0
PAUSE = 0.002


class Emptier:
    """Keeps one session of its own, and remembers what the migrations put into the tables: that stays."""

    def __init__(self, session: BaseDatabaseWrapper) -> None:
        self._session = session
        if session.vendor == "mysql":
            self._run("SET FOREIGN_KEY_CHECKS = 0")
        elif session.vendor == "postgresql":
            self._run(f"SET lock_timeout = '{PATIENCE:.0f}s'")
        tables = session.introspection.table_names()
        filled = self._with_rows(tables)
        self._tables = [table for table in tables if table not in filled]

    def empty(self) -> None:
        self._end_other_sessions()
        tables = self._with_rows(self._tables)
        if not tables:
            return
        # In one transaction, at whose end PostgreSQL and SQLite look at foreign keys, the order does not matter.
        # DELETE is far faster than TRUNCATE for the few rows of a test.
        self._run("BEGIN")
        for table in tables:
            self._run(f"DELETE FROM {self._quote(table)}")
        self._run("COMMIT")

    def close(self) -> None:
        self._session.close()

    def _with_rows(self, tables: list[str]) -> list[str]:
        """Return those of the tables that hold at least one row; one statement asks them all."""
        questions = ", ".join(f"EXISTS(SELECT 1 FROM {self._quote(table)})" for table in tables)
        (answers,) = self._run(f"SELECT {questions}")
        return [table for table, filled in zip(tables, answers, strict=True) if filled]

    def _end_other_sessions(self) -> None:
        question = OTHER_SESSIONS.get(self._session.vendor)
        if question is None:
            return
        deadline = time.monotonic() + PATIENCE
        while sessions := self._run(question):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(sessions)} sessions of the test do not end")
            for (number,) in sessions:
                self._end_session(number)
            time.sleep(PAUSE)

    def _end_session(self, number: int) -> None:
        # It may have ended between the question and this.
        with suppress(Error):
            self._run(END_SESSION[self._session.vendor].format(number))

    def _quote(self, table: str) -> str:
        return self._session.ops.quote_name(table)

    def _run(self, statement: str) -> list[tuple[Any, ...]]:
        with self._session.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
