"""The servers of these tests: one of each kind for all tests of a process, since a fault leaves them usable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.desk import Site
from tests.faults.server import APP
from tests.guarantee.gate import PATIENCE
from tests.guarantee.wire import COMMIT, Wire, before, url_through
from tests.rig import Database
from tests.servers import http_client, serve


class Sites:
    """Each is started when a test first asks for it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._outside = folder / "outside"
        self._outside.touch()
        self._stack = stack
        self._http = stack.enter_context(http_client(timeout=PATIENCE))
        self._sites: dict[tuple[str, str], Site] = {}

    def plain(self, database: Database) -> Site:
        return self._site(database, "plain", {})

    def skewed(self, database: Database, seconds: float) -> Site:
        """A server whose clock is so many seconds ahead."""
        return self._site(database, f"skewed{seconds}", {"CLOCK_SKEW": str(seconds)}, workers=1)

    def wired(self, database: Database) -> Site:
        """A server that reaches its database through a wire."""
        if (site := self._sites.get((database.url, "wired"))) is not None:
            return site
        wire = before(database)
        self._stack.callback(wire.close)
        environ = {"DATABASE_URL": url_through(wire, database)}
        return self._site(database, "wired", environ, wire=wire)

    def _site(
        self,
        database: Database,
        kind: str,
        environ: dict[str, str],
        *,
        workers: int = 3,
        wire: Wire | None = None,
    ) -> Site:
        place = (database.url, kind)
        if place not in self._sites:
            environ = {"OUTSIDE": str(self._outside), **environ}
            server = self._stack.enter_context(serve(database, APP, workers=workers, environ=environ))
            self._sites[place] = Site(server=server, outside=self._outside, http=self._http, wire=wire)
        return self._sites[place]


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with ExitStack() as stack:
        yield Sites(tmp_path_factory.mktemp("faults"), stack)


@pytest.fixture
def site(database: Database, sites: Sites) -> Site:
    """A server with three processes."""
    return sites.plain(database)


@pytest.fixture
def wired(database: Database, sites: Sites) -> Iterator[Site]:
    """The same, and a wire in between that loses nothing yet."""
    site = sites.wired(database)
    assert site.wire is not None
    yield site
    site.wire.lose, site.wire.of, site.wire.down = None, COMMIT, False


@pytest.fixture
def wire(wired: Site) -> Wire:
    assert wired.wire is not None
    return wired.wire
