"""The servers of these tests: one of each kind for all tests of a process, since a fault leaves them usable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from django.db import connection

from tests.database_server import with_options
from tests.faults.desk import Site
from tests.faults.server import APP
from tests.guarantee.gate import PATIENCE
from tests.guarantee.wire import COMMIT, Wire
from tests.rig import Database
from tests.servers import http_client, serve

SCHEMES = {"postgresql": ("postgres", 5432), "mariadb": ("mysql", 3306)}


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
        settings = connection.settings_dict
        scheme, port = SCHEMES[database.name]
        wire = Wire((settings["HOST"] or "127.0.0.1", int(settings["PORT"] or port)))
        self._stack.callback(wire.close)
        user = ":".join(quote(settings[name]) for name in ("USER", "PASSWORD") if settings[name])
        url = f"{scheme}://{user}@127.0.0.1:{wire.port}/{settings['NAME']}"
        options = {name: value for name, value in settings["OPTIONS"].items() if name != "unix_socket"}
        if scheme == "postgres":
            options["sslmode"] = "disable"  # encrypted traffic cannot be read
        return self._site(database, "wired", {"DATABASE_URL": with_options(url, options)}, wire=wire)

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
