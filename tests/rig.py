"""
A database that becomes Django's `default` for the time of one test.

It commits like any other: tests see what a second session sees. What makes that affordable is that migrations
run once per worker process, and that only the tables that got rows are emptied after a test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import dj_database_url
from asgiref.local import Local
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from django_idempotency.recent import recent
from tests.database_server import Session, with_database, with_options
from tests.databases import Found
from tests.emptying import Emptier

# The one handler that all of Django asks. It does not show its types what is replaced here.
HANDLER: Any = connections

SQLITE_OPTIONS = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}


class Database:
    """What the fixture `database` gives to a test."""

    def __init__(self, name: str, url: str) -> None:
        # "sqlite", "postgresql" or "mariadb".
        self.name = name
        self._base_url = url
        self._defaults: dict[str, Any] = {**dj_database_url.parse(url)}
        self._settings = deepcopy(self._defaults)
        self._opened: list[BaseDatabaseWrapper] = []
        self._emptier: Emptier | None = None

    def __repr__(self) -> str:
        return f"<Database {self.name} {self._base_url}>"

    @property
    def vendor(self) -> str:
        """Django's word for it: "sqlite", "postgresql" or "mysql"."""
        return str(self._settings["ENGINE"]).rpartition(".")[2].removesuffix("3")

    @property
    def url(self) -> str:
        """The URL of the database as it is configured now, for the `DATABASE_URL` of another process."""
        return with_options(self._base_url, self._settings.get("OPTIONS", {}))

    @property
    def environ(self) -> dict[str, str]:
        """What another process needs in its environment; unlike a URL, it tells of `ATOMIC_REQUESTS` and the like."""
        in_url = {"ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS"}
        others = {key: value for key, value in self._settings.items() if key not in in_url}
        return {"DATABASE_URL": self.url, "DATABASE_SETTINGS": json.dumps(others)}

    def reconfigure(self, *, isolation: str | None = None, **settings: Any) -> None:
        """
        Run the rest of the test with other settings of the same database, over new connections.

        Args:
            isolation: "read committed", "repeatable read" or "serializable". SQLite has but one level.
            settings: As in `DATABASES`. `OPTIONS` are merged; an option that is None is taken away.
        """
        options = {**self._settings.get("OPTIONS", {}), **settings.pop("OPTIONS", {})}
        if isolation is not None:
            options["isolation_level"] = self._isolation_level(isolation)
        options = {name: value for name, value in options.items() if value is not None}
        self._settings = {**self._settings, **settings, "OPTIONS": options}
        self._become_default()

    def connect(self) -> BaseDatabaseWrapper:
        """Return a second session, which any thread may use. It is closed after the test."""
        wrapper = ConnectionHandler({"default": deepcopy(self._settings)})["default"]
        wrapper.inc_thread_sharing()
        self._opened.append(wrapper)
        return wrapper

    @contextmanager
    def installed(self, settings: dict[str, Any]) -> Iterator[None]:
        """Be Django's `default`, in every thread; then leave no session open and no row behind."""
        before = (HANDLER.settings["default"], HANDLER._connections, HANDLER.create_connection)
        self._settings = deepcopy(self._defaults)
        try:
            HANDLER.create_connection = self._create_connection
            self.reconfigure(**settings)
            yield
        finally:
            self._close_connections()
            HANDLER.settings["default"], HANDLER._connections, HANDLER.create_connection = before
            if self._emptier is not None:
                self._emptier.empty()
            recent.forget()  # the keys of another test

    def migrate(self) -> None:
        """Make the tables. To be called once, on an empty database."""
        with self.installed({}):
            call_command("migrate", verbosity=0, interactive=False)
            # Apps without migrations, such as the tests' own, come second: their tables may refer to the others.
            call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
        self._emptier = Emptier(self.connect())
        self._opened.clear()

    def discard(self) -> None:
        """Close the last session, so that the database can be dropped."""
        if self._emptier is not None:
            self._emptier.close()

    def _become_default(self) -> None:
        self._close_connections()
        # A new thread-local store: threads that outlive a test, as those of asgiref do, must not keep a connection
        # to the database of the test before.
        HANDLER._connections = Local(HANDLER.thread_critical)
        handler = ConnectionHandler({"default": deepcopy(self._settings)})
        HANDLER.settings["default"] = handler.settings["default"]
        ContentType.objects.clear_cache()

    def _create_connection(self, alias: str) -> BaseDatabaseWrapper:
        wrapper = ConnectionHandler.create_connection(connections, alias)
        self._opened.append(wrapper)
        return wrapper

    def _close_connections(self) -> None:
        """Close also what other threads have opened and left open."""
        while self._opened:
            wrapper = self._opened.pop()
            wrapper.inc_thread_sharing()
            # The server may have ended it already: some tests ask for that.
            with suppress(Error):
                wrapper.close()

    def _isolation_level(self, isolation: str) -> str | int:
        if self.name == "sqlite":
            raise ValueError("SQLite has but one isolation level")
        if self.name == "mariadb":
            return isolation
        from psycopg import IsolationLevel

        return IsolationLevel[isolation.upper().replace(" ", "_")]


class Databases:
    """The databases of one worker process, each made when a test first asks for it."""

    def __init__(self, found: Found, worker: str, folder: Path) -> None:
        self._found = found
        self._database = f"test_idempotency_{found.run}_{worker}"
        self._folder = folder
        self._made: dict[str, Database] = {}

    def __getitem__(self, name: str) -> Database:
        if name not in self._made:
            database = Database(name, self._create(name))
            database.migrate()
            self._made[name] = database
        return self._made[name]

    def drop(self) -> None:
        for name, database in self._made.items():
            database.discard()
            if name == "sqlite":
                for file in self._folder.glob(f"{self._database}.*"):
                    file.unlink()
            else:
                with Session(name, self._found.urls[name]) as session:
                    session.drop(self._database)

    def _create(self, name: str) -> str:
        if name == "sqlite":
            path = self._folder / f"{self._database}.sqlite3"
            return with_options(f"sqlite:///{path}", SQLITE_OPTIONS)
        with Session(name, self._found.urls[name]) as session:
            session.create(self._database)
        return with_database(self._found.urls[name], self._database)
