"""PgBouncer in transaction mode: no two transactions of a client need to be on the same connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.app.models import Effect
from tests.faults.private import Missing, Private, find, go_without, private
from tests.guarantee.clients import REPLAYED, Client
from tests.guarantee.server import APP
from tests.rig import Database
from tests.servers import serve

pytestmark = pytest.mark.databases("postgresql")

# Fewer than the threads that serve: sessions change hands all the time.
POOL, THREADS, DUPLICATES = 3, 8, 6

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
ignore_startup_parameters = extra_float_digits
"""


class PgBouncer(Private):
    """One in front of the server of Django's `default`."""

    name = "postgresql"
    scheme = "postgres"
    user = runs_as = "postgres"

    def initialize(self) -> None:
        self.program = find("pgbouncer", "/usr/sbin", "/usr/bin")
        settings: Any = connection.settings_dict
        self.data.write_text(
            CONFIGURATION.format(
                host=settings["HOST"] or "127.0.0.1",
                port=settings["PORT"] or 5432,
                user=settings["USER"],
                password=f" password='{settings['PASSWORD']}'" if settings["PASSWORD"] else "",
                own=self.port,
                pool=POOL,
            )
        )

    def command(self) -> list[str | Path]:
        return [self.program, self.data]


@pytest.fixture
def bouncer(database: Database) -> Iterator[int]:
    """The port of one in front of the database of the test."""
    try:
        with private(PgBouncer) as running:
            yield running.port
    except Missing as reason:
        go_without(reason)


def test_a_crowd_is_served_once(database: Database, bouncer: int) -> None:
    """REQ 1, REQ 3: equal requests over sessions that change hands: one effect for each key, the same bytes for all."""
    database.reconfigure(HOST="127.0.0.1", PORT=str(bouncer), CONN_MAX_AGE=600)
    keys = [f"key-{number}" for number in range(4)]
    with serve(database, APP, workers=2, threads=THREADS) as server:
        client = Client(server)
        client.at_once([{"key": key, "label": key} for key in keys * DUPLICATES])
        told = {key: client.retry(key, label=key) for key in keys}
        assert all(answer.headers[REPLAYED] == "true" for answer in told.values())
        again = client.at_once([{"key": key, "label": key} for key in keys * DUPLICATES])
    assert all(answer.content == told[answer.request.headers["Idempotency-Key"]].content for answer in again)
    assert sorted(Effect.objects.values_list("label", flat=True)) == keys
