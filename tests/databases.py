"""
Which databases a run of the tests can use, and why it must do without the others.

SQLite is always there. PostgreSQL and MariaDB are looked for at `POSTGRES_URL` and `MARIADB_URL`, else where a
server of this machine usually listens; the last resort for PostgreSQL is an embedded one. The process that the
user starts looks once, and tells its workers.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.db import Error

from tests.database_server import Session, options_of, with_database, with_options
from tests.embedded import EmbeddedPostgreSQL, Unavailable

NAMES = ("sqlite", "postgresql", "mariadb")

# `LONG_TESTS=1`: all that a usual run takes a part of.
LONG = bool(os.environ.get("LONG_TESTS"))

URL_VARIABLES = {"postgresql": "POSTGRES_URL", "mariadb": "MARIADB_URL"}

USUAL_ADDRESSES = {
    "postgresql": (
        "postgres://postgres@127.0.0.1:5432/postgres",
        "postgres://postgres@/postgres?host=/var/run/postgresql",
        "postgres:///postgres?host=/var/run/postgresql",
    ),
    "mariadb": (
        "mysql://root@127.0.0.1:3306/",
        "mysql://root@/?unix_socket=/run/mysqld/mysqld.sock",
    ),
}

# A server that does not answer within these seconds is not there.
CONNECT_TIMEOUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the workers are told."""

    # Part of the name of each database, so that runs on one server do not meet.
    run: str
    # Of the server, by name. SQLite needs none.
    urls: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    # The reason, by name.
    left_out: dict[str, str] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        """Return it as values that may cross to a worker process."""
        return asdict(self)

    def describe(self, name: str) -> str:
        return self.versions[name] if name in self.versions else f"left out ({self.left_out[name]})"

    def missing(self, required: str) -> str:
        """Say which of the required databases, a list with commas, cannot be used; nothing if all can."""
        names = [name.strip() for name in required.split(",") if name.strip()]
        reasons = self.left_out | {name: "there is no such database" for name in names if name not in NAMES}
        return "; ".join(f"{name}: {reasons[name]}" for name in names if name in reasons)


class Run:
    """A run of the tests, from the first look for servers to the last database dropped."""

    def __init__(self) -> None:
        self.found = Found(
            run=secrets.token_hex(4),
            urls={"sqlite": "sqlite://"},
            versions={"sqlite": f"SQLite {sqlite3.sqlite_version}"},
        )
        self._embedded: EmbeddedPostgreSQL | None = None
        self._sessions: list[Session] = []
        for name in URL_VARIABLES:
            self._look_for(name)

    def end(self) -> None:
        """Drop what workers have left, also those that were killed."""
        for session in self._sessions:
            session.drop_run(self.found.run)
            session.close()
        self._sessions.clear()
        if self._embedded is not None:
            self._embedded.stop()
            self._embedded = None

    def _look_for(self, name: str) -> None:
        reasons = []
        for url in addresses(name):
            try:
                self._use(name, url)
            except (Error, OSError) as error:
                reasons.append(str(error).strip().partition("\n")[0])
            else:
                return
        if name == "postgresql" and URL_VARIABLES[name] not in os.environ:
            try:
                self._embedded = EmbeddedPostgreSQL()
            except Unavailable as error:
                reasons.append(str(error))
            else:
                self._use(name, self._embedded.url)
                return
        self.found.left_out[name] = ", ".join(dict.fromkeys(reasons))

    def _use(self, name: str, url: str) -> None:
        """Hold a session on the server for the whole run, and prove that it lets this run create databases."""
        if name == "mariadb":
            url = without_certificates(url)
        session = Session(name, with_options(url, {**options_of(url), "connect_timeout": CONNECT_TIMEOUT}))
        try:
            version = session.version()
            if name == "mariadb" and "mariadb" not in version.lower():
                raise OSError(f"the server is MySQL {version}")
            session.lock(self.found.run)
            # They may belong to somebody who keeps them from us.
            with suppress(Error):
                session.drop_the_dead()
            session.create(f"test_idempotency_{self.found.run}_probe")
            session.drop_run(self.found.run)
        except BaseException:
            session.close()
            raise
        self._sessions.append(session)
        self.found.urls[name] = url
        self.found.versions[name] = version


def without_certificates(url: str) -> str:
    """
    Return the URL of a server on this machine without TLS.

    PyMySQL offers it unasked, and reads the certificates of all authorities for each connection: that takes it longer
    than most tests.
    """
    drivers = sys.modules.get("MySQLdb"), sys.modules.get("pymysql")
    local = urlsplit(url).hostname in (None, "localhost", "127.0.0.1", "::1")
    if drivers[0] is None or drivers[0] is not drivers[1] or not local:
        return url
    return with_options(url, {"ssl_disabled": True, **options_of(url)})


def addresses(name: str) -> tuple[str, ...]:
    """Return the URLs where a server may be, best first."""
    given = os.environ.get(URL_VARIABLES[name])
    if given is None:
        return USUAL_ADDRESSES[name]
    if name == "mariadb":
        return (given.replace("mariadb://", "mysql://", 1),)
    # Locks are seen within one database of the server only, so all runs meet in the one that every server has.
    return (with_database(given, "postgres"), given)
