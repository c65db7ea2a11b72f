"""Processes that serve, fork, end and die: what each has counted is written once, or lost, and never twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testproject.demo.processes import end, start
from tests.counts.parts import table
from tests.rig import Database
from tests.rules.parts import effects
from tests.servers import ROOT, Server, environment, http_client, serve
from tests.systems.brokers import broker
from tests.systems.crew import wait_for

WORKER = (
    "--app",
    "tests.counts.worker",
    "worker",
    "--concurrency",
    "2",
    "--without-gossip",
    "--without-mingle",
)
PAID = ("POST pay", "executed")
# Seconds: never within a test, or at once.
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.counts.settings"}
NEVER, AT_ONCE = SETTINGS | {"EVERY": "3600"}, SETTINGS | {"EVERY": "0.05"}


def pay(server: Server, *keys: str) -> None:
    """Send one request for each key, each over a connection of its own."""
    for key in keys:
        with http_client(server.url) as http:
            http.post("/pay/", headers={"Idempotency-Key": key}).raise_for_status()


@pytest.mark.parametrize("threads", [1, 4])
def test_a_server_that_ends_has_written(database: Database, threads: int) -> None:
    """REQ 27: at gunicorn's graceful stop each worker writes what it has counted."""
    with serve(database, workers=2, threads=threads, environ=NEVER) as running:
        pay(running, *"abcdef")
        assert table() == {}
        running.process.terminate()
        assert running.process.wait(timeout=30) == 0
    assert table() == {PAID: 6}


def test_a_worker_that_goes_on_writes(database: Database) -> None:
    """REQ 27: a worker writes while it serves, again and again; killed, it takes nothing with it that was written."""
    with serve(database, workers=1, environ=AT_ONCE) as running:
        pay(running, *"abc")
        wait_for(table, lambda seen: seen == {PAID: 3})
        os.kill(running.worker_pids()[-1], signal.SIGKILL)
        wait_for(running.worker_pids, lambda pids: len(pids) == 2)
        pay(running, "d")
        wait_for(table, lambda seen: seen == {PAID: 4})
    assert table() == {PAID: 4}


def test_a_worker_that_is_killed_loses_what_it_had_not_written(database: Database) -> None:
    """REQ 27: and nothing else; those after it count on."""
    with serve(database, workers=1, environ=NEVER) as running:
        pay(running, *"abc")
        os.kill(running.worker_pids()[-1], signal.SIGKILL)
        wait_for(running.worker_pids, lambda pids: len(pids) == 2)
        pay(running, *"de")
        running.process.terminate()
        running.process.wait(timeout=30)
    assert table() == {PAID: 2}


def test_an_asynchronous_server_writes(database: Database) -> None:
    """REQ 27, 29: so does uvicorn, while it serves."""
    with serve(database, "tests.asgi:application", workers=1, asgi=True, environ=AT_ONCE) as running:
        pay(running, *"abc")
        wait_for(table, lambda seen: seen == {PAID: 3})


def test_a_fork_begins_with_nothing(database: Database) -> None:
    """REQ 27: what a process has counted before it forks, it writes itself, and once."""
    command = [sys.executable, "-m", "tests.counts.family"]
    subprocess.run(command, cwd=ROOT, env=environment(database, NEVER), check=True)
    assert table() == {PAID: 3}


def test_a_celery_worker_that_ends_has_written(database: Database, tmp_path: Path) -> None:
    """REQ 27, 28: so has each process of a Celery worker that is asked to end."""
    with broker(tmp_path) as meeting:
        environ = environment(database, meeting | NEVER)
        send = "from tests.counts.worker import pay\nfor key in 'abc': pay.delay(key)"
        subprocess.run([sys.executable, "-c", send], cwd=ROOT, env=environ, check=True)
        worker = start([sys.executable, "-m", "celery", *WORKER], environ, tmp_path / "log")
        try:
            wait_for(effects, lambda number: number == 3)
        finally:
            end(worker)
    assert table() == {PAID: 3}, (tmp_path / "log").read_text()
