"""One server for all tests of a database, and how long these tests are to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.desk import Site
from tests.guarantee.gate import PATIENCE
from tests.rig import Database
from tests.servers import http_client, serve
from tests.statements.server import APP


class Sites:
    """Each is started when a test first asks for it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._outside = folder / "outside"
        self._outside.touch()
        self._stack = stack
        self._http = stack.enter_context(http_client(timeout=PATIENCE))
        self._sites: dict[str, Site] = {}

    def __getitem__(self, database: Database) -> Site:
        if database.url not in self._sites:
            environ = {"OUTSIDE": str(self._outside)}
            server = self._stack.enter_context(serve(database, APP, workers=2, environ=environ))
            self._sites[database.url] = Site(server=server, outside=self._outside, http=self._http)
        return self._sites[database.url]


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(tmp_path_factory.mktemp("statements"), stack)


@pytest.fixture
def site(database: Database, sites: Sites) -> Site:
    """Two processes that keep their sessions from one request to the next, and with them what a fault has left there."""
    database.reconfigure(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
    return sites[database]
