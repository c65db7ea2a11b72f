"""
The demonstration as a stranger meets it: a live server, HTTP, and nothing else.

    def test_something(live): live.acme.post("/hrizn/v1/public/ideaclouds", {...}, key="...")

A test runs on one database, or on those that its marker names; the tests of one system and one database share a
server, and their worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar, cast

import pytest

from tests.conftest import FOUND, server_of
from tests.database_server import Session, with_database
from tests.databases import LONG, Found
from tests.systems.live import Live

L = TypeVar("L", bound=Live)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "live" not in metafunc.fixturenames:
        return
    found = metafunc.config.stash[FOUND]
    marker = metafunc.definition.get_closest_marker("databases")
    # With a server first: requests meet there as they do in production.
    one = next(name for name in ("postgresql", "mariadb", "sqlite") if name in found.urls)
    wanted = marker.args if marker and (LONG or not marker.kwargs.get("long")) else (one,)
    usable = [name for name in wanted if name in found.urls]
    reasons = "; ".join(f"{name}: {found.left_out.get(name)}" for name in wanted)
    skipped = [pytest.param(wanted[0], marks=pytest.mark.skip(reason=reasons))]
    metafunc.parametrize("live", usable or skipped, indirect=True, scope="module")


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, _lives: Lives) -> Live:
    """The demonstration, served by gunicorn on a database of its own, with all its credits."""
    return _lives.of(request.param, server_of(request.module.__name__.rpartition(".")[2]), Live)


@pytest.fixture(scope="session")
def _lives(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    with closing(Lives(request.config.stash[FOUND], tmp_path_factory)) as lives:
        yield lives


class Lives:
    """The server of the tests at hand: it stays for as long as they are of one system and one database."""

    def __init__(self, found: Found, folders: pytest.TempPathFactory) -> None:
        self._found = found
        self._folders = folders
        self._stack = ExitStack()
        self._served: tuple[str, str, type[Live]] | None = None
        self._live: Live | None = None

    def of(self, database: str, system: str, kind: type[L]) -> L:
        """The one for this database and system, with all its credits."""
        if self._served == (database, system, kind):
            live = cast("L", self._live)
            live.manage("seed_demo")
            return live
        self.close()
        folder = self._folders.mktemp("live")
        url = self._stack.enter_context(database_url(self._found, database, system, folder))
        made = kind(url, folder)
        self._stack.enter_context(made)
        self._live, self._served = made, (database, system, kind)
        return made

    def close(self) -> None:
        self._served = None
        self._stack.close()


@pytest.fixture(autouse=True)
def _used_database(request: pytest.FixtureRequest) -> None:
    """Be counted among the tests of that database."""
    if "live" in request.fixturenames:
        request.node.user_properties.append(("database", request.node.callspec.params["live"]))


@contextmanager
def database_url(found: Found, name: str, system: str, folder: Path) -> Iterator[str]:
    """A new database for a server, and nothing of it afterwards."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'live.sqlite3'}"
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    database = f"test_idempotency_{found.run}_{worker}_{system}"
    with Session(name, found.urls[name]) as session:
        session.create(database)
    try:
        yield with_database(found.urls[name], database)
    finally:
        with Session(name, found.urls[name]) as session:
            session.drop(database)
