"""
The demonstration as a stranger meets it: a live server, HTTP, and nothing else.

    def test_something(live): live.acme.post("/hrizn/v1/public/ideaclouds", {...}, key="...")

Each test runs on each database; the tests of one module and one database share a server, and their worker.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import FOUND
from tests.database_server import Session, with_database
from tests.databases import NAMES, Found
from tests.systems.live import Live


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "live" not in metafunc.fixturenames:
        return
    found = metafunc.config.stash[FOUND]
    marker = metafunc.definition.get_closest_marker("databases")
    wanted = marker.args if marker else NAMES
    usable = [name for name in wanted if name in found.urls]
    reasons = "; ".join(f"{name}: {found.left_out.get(name)}" for name in wanted)
    skipped = [pytest.param(wanted[0], marks=pytest.mark.skip(reason=reasons))]
    metafunc.parametrize("live", usable or skipped, indirect=True, scope="module")


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The demonstration, served by gunicorn on a database of its own."""
    found = request.config.stash[FOUND]
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        url = stack.enter_context(database_url(found, request.param, request.module.__name__, folder))
        yield stack.enter_context(Live(url, folder))


@pytest.fixture(autouse=True)
def _used_database(request: pytest.FixtureRequest) -> None:
    """Be counted among the tests of that database."""
    if "live" in request.fixturenames:
        request.node.user_properties.append(("database", request.node.callspec.params["live"]))


@contextmanager
def database_url(found: Found, name: str, module: str, folder: Path) -> Iterator[str]:
    """A new database for a module, and nothing of it afterwards."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'live.sqlite3'}"
        return
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    database = f"test_idempotency_{found.run}_{worker}_{module.rpartition('.')[2]}"
    with Session(name, found.urls[name]) as session:
        session.create(database)
    try:
        yield with_database(found.urls[name], database)
    finally:
        with Session(name, found.urls[name]) as session:
            session.drop(database)
