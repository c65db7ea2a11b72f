"""
The row "database restart".

A database server of these tests' own is stopped as a crash would stop it, and started again.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from tests.database_server import Session, with_database
from tests.faults.desk import Client, Site, assert_in_progress, assert_ran, assert_unavailable, assert_unknown
from tests.faults.held import held
from tests.faults.private import Missing, Private, PrivateMariaDB, PrivatePostgreSQL, go_without, private
from tests.faults.server import APP
from tests.guarantee.clients import assert_replay
from tests.guarantee.gate import PATIENCE
from tests.rig import Database
from tests.servers import http_client, serve

KINDS = {kind.name: kind for kind in (PrivatePostgreSQL, PrivateMariaDB)}
DATABASE = "test_idempotency_private"

pytestmark = pytest.mark.parametrize("machine", KINDS, indirect=True, scope="module")

MODES = pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
HALTS = pytest.mark.parametrize("halt", ["mid-handler", "after the store"])


@pytest.fixture(scope="module")
def machine(request: pytest.FixtureRequest) -> Iterator[Private]:
    """A database server."""
    try:
        with private(KINDS[request.param]) as machine:
            yield machine
    except Missing as reason:
        go_without(reason)


@pytest.fixture(scope="module")
def stored(machine: Private, django_db_blocker: DjangoDbBlocker) -> Database:
    """A database on it, migrated."""
    home = with_database(machine.url, "postgres") if machine.name == "postgresql" else machine.url
    with Session(machine.name, home) as session:
        session.create(DATABASE)
    url = with_database(machine.url, DATABASE)
    with django_db_blocker.unblock():
        migrated = Database(machine.name, url)
        migrated.migrate()
        migrated.discard()
    # Never emptied: each test has a key of its own, and an emptier's session would not live through a restart.
    return Database(machine.name, url)


@pytest.fixture(scope="module")
def served(stored: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    outside = tmp_path_factory.mktemp("restart") / "outside"
    outside.touch()
    with (
        http_client(timeout=PATIENCE) as http,
        serve(stored, APP, workers=2, environ={"OUTSIDE": str(outside)}) as server,
    ):
        yield Site(server=server, outside=outside, http=http)


@pytest.fixture
def site(
    request: pytest.FixtureRequest,
    machine: Private,
    served: Site,
    stored: Database,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Site]:
    request.node.user_properties.append(("database", stored.name))
    with django_db_blocker.unblock(), stored.installed({}):
        yield served
    if machine.process.poll() is not None:  # a test that failed has left it so
        machine.start()


def restart(machine: Private) -> None:
    """Start it again, and let this process forget its sessions."""
    machine.start()
    connections.close_all()


def acknowledged(site: Site, mode: str) -> tuple[Client, httpx.Response]:
    client = site.client(mode)
    answer = client.post()
    assert_ran(answer)
    return client, answer


def assert_settled(client: Client) -> None:
    """The retry of what was open runs, or is refused for good, whichever its mode has promised."""
    retry = client.post()
    if client.name == "fail":
        assert_unknown(retry)
        assert client.done == (0, 1)
        return
    assert_ran(retry)
    assert_replay(client.post(), retry)
    assert client.done == (1, 2)


@MODES
@HALTS
def test_while_it_is_away(machine: Private, site: Site, mode: str, halt: str) -> None:
    """Row, both modes: open work is undone, acknowledged work replays, rows survive; 503 as long as it is away."""
    before, answer = acknowledged(site, mode)
    client = site.client(mode)
    with held(client, halt) as first:
        machine.stop()
        assert_unavailable(first.go_on())
    assert_unavailable(client.post())
    assert_unavailable(before.post())
    restart(machine)
    assert_replay(before.post(), answer)
    assert before.done == (1, 1)
    if mode != "atomic":
        assert_in_progress(client.post())
        client.lapse()
    assert_settled(client)


@MODES
@HALTS
def test_behind_the_back_of_a_worker(machine: Private, site: Site, mode: str, halt: str) -> None:
    """Row, both modes, for a paused worker: its commit fails on the restarted server, and it says 503."""
    before, answer = acknowledged(site, mode)
    client = site.client(mode)
    with held(client, halt) as first:
        first.pause()
        machine.stop()
        restart(machine)
        assert_replay(before.post(), answer)
        assert_unavailable(first.go_on())
    assert before.done == (1, 1)
    assert_settled(client)
