"""PgBouncer in transaction mode: no two transactions of a client need to be on the same connection."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.app.models import Effect
from tests.faults.private import Missing, find, person
from tests.guarantee.clients import REPLAYED, Client
from tests.guarantee.server import APP
from tests.rig import Database
from tests.servers import PATIENCE, PAUSE, listening, serve

pytestmark = pytest.mark.databases("postgresql")

# Fewer than the threads that serve: sessions change hands all the time.
POOL, THREADS, DUPLICATES = 3, 8, 6

CONFIGURATION = """
[databases]
{name} = host={host} port={port} dbname={name} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool}
ignore_startup_parameters = extra_float_digits
"""


@pytest.fixture
def bouncer(database: Database) -> Iterator[int]:
    """The port of one in front of the database of the test."""
    try:
        program = find("pgbouncer", "/usr/sbin", "/usr/bin")
    except Missing as reason:
        pytest.skip(str(reason))
    with listening() as listener:
        own = listener.getsockname()[1]
    settings: Any = connection.settings_dict
    text = CONFIGURATION.format(
        name=settings["NAME"],
        host=settings["HOST"] or "127.0.0.1",
        port=settings["PORT"] or 5432,
        user=settings["USER"],
        password=f" password='{settings['PASSWORD']}'" if settings["PASSWORD"] else "",
        own=own,
        pool=POOL,
    )
    with TemporaryDirectory(prefix="idempotency-pgbouncer-") as folder:
        file = Path(folder, "pgbouncer.ini")
        file.write_text(text)
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to run as root
            runs_as = person("postgres", "nobody")
            os.chown(folder, runs_as.pw_uid, runs_as.pw_gid)
            as_user = {"user": runs_as.pw_uid, "group": runs_as.pw_gid, "extra_groups": []}
        process = subprocess.Popen([program, file], stderr=subprocess.DEVNULL, **as_user)
        try:
            wait_for(process, f"host=127.0.0.1 port={own} dbname={settings['NAME']} user={settings['USER']}")
            yield own
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)


def wait_for(process: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
        else:
            return


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
