"""
The servers around the tests: databases are created here, dropped here, and told apart from those of other runs.

Nothing here goes through Django's own connections, which stay closed to tests that did not ask for a database.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import dj_database_url
from django.db.utils import ConnectionHandler

PREFIX = "test_idempotency_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What each kind of server calls the same things."""

    version: str
    # Held by a run as long as it lives, whichever way it dies: databases whose lock is free belong to nobody.
    lock: str
    unlock: str
    databases: str
    create: str
    drop: str


STATEMENTS = {
    "postgresql": Statements(
        version="SELECT 'PostgreSQL ' || current_setting('server_version')",
        lock="SELECT pg_try_advisory_lock(hashtextextended(%s, 0))",
        unlock="SELECT pg_advisory_unlock(hashtextextended(%s, 0))",
        databases="SELECT datname FROM pg_database",
        create="CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0",
        drop="DROP DATABASE IF EXISTS {} WITH (FORCE)",
    ),
    "mariadb": Statements(
        version="SELECT version()",
        lock="SELECT GET_LOCK(%s, 0)",
        unlock="SELECT RELEASE_LOCK(%s)",
        databases="SHOW DATABASES",
        create="CREATE DATABASE {} CHARACTER SET utf8mb4",
        drop="DROP DATABASE IF EXISTS {}",
    ),
}


class Session:
    """A connection to a server, in autocommit mode. Leaving the `with` block closes it, and frees its locks."""

    def __init__(self, name: str, url: str) -> None:
        self._statements = STATEMENTS[name]
        self._wrapper = ConnectionHandler({"default": {**dj_database_url.parse(url)}})["default"]
        with self._wrapper.wrap_database_errors:
            self._connection: Any = self._wrapper.get_new_connection(self._wrapper.get_connection_params())
        if name == "postgresql":
            self._connection.autocommit = True
        else:
            self._connection.autocommit(True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def version(self) -> str:
        return str(self._rows(self._statements.version)[0][0])

    def lock(self, run: str) -> bool:
        """Take a run's lock. It is taken already: that run lives."""
        return bool(self._rows(self._statements.lock, PREFIX + run)[0][0])

    def unlock(self, run: str) -> None:
        self._rows(self._statements.unlock, PREFIX + run)

    def runs(self) -> dict[str, list[str]]:
        """Find the databases that runs of these tests have left on the server, by run."""
        found: dict[str, list[str]] = defaultdict(list)
        for database in self.databases():
            if database.startswith(PREFIX):
                found[database.removeprefix(PREFIX).partition("_")[0]].append(database)
        return found

    def databases(self) -> list[str]:
        return [database for (database,) in self._rows(self._statements.databases)]

    def create(self, database: str) -> None:
        self._rows(self._statements.create.format(database))

    def drop(self, database: str) -> None:
        self._rows(self._statements.drop.format(database))

    def drop_run(self, run: str) -> None:
        for database in self.runs().get(run, []):
            self.drop(database)

    def drop_the_dead(self) -> None:
        """Drop what runs have left that did not live to clean up."""
        for run in self.runs():
            if self.lock(run):
                self.drop_run(run)
                self.unlock(run)

    def _rows(self, statement: str, *parameters: str) -> list[tuple[Any, ...]]:
        with self._wrapper.wrap_database_errors, self._connection.cursor() as cursor:
            cursor.execute(statement, parameters or None)
            return list(cursor.fetchall()) if cursor.description else []


def with_database(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlsplit(url)._replace(path="/" + quote(database)).geturl()


def with_options(url: str, options: dict[str, Any]) -> str:
    """Return the URL with these options, and no others."""
    # Enumerations, such as the isolation levels of psycopg, travel as numbers.
    plain = {name: int(value) if isinstance(value, int) else value for name, value in options.items()}
    return "?".join(part for part in (url.partition("?")[0], urlencode(plain)) if part)


def options_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))
