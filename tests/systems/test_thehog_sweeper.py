"""The sweeper as a process: beside the demo, and without its database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testproject.demo import databases
from testproject.demo.processes import end, start
from tests.systems.crew import PATIENCE, Crew, wait_for


def sweepers_of(parent: int) -> list[int]:
    """Find the processes that sweep for another process."""
    command = ["ps", "-A", "-o", "pid=,ppid=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [int(pid) for pid, ppid, args in lines if int(ppid) == parent and "sweep_jobs --every 1" in args]


@pytest.mark.skipif(sys.platform == "win32", reason="the demo needs gunicorn")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_the_demo_ends_its_sweeper(tmp_path: Path, name: str, status: int) -> None:
    """The demo runs a sweeper beside its server, and takes it along, also on Ctrl-C and SIGTERM."""
    environment = databases.environment(None, tmp_path)
    demo = start([sys.executable, "manage.py", "demo", "--json"], environment, tmp_path / "demo.log")
    try:
        (sweeper,) = wait_for(lambda: sweepers_of(demo.pid), bool)
        demo.send_signal(getattr(signal, name))
        assert demo.wait(PATIENCE) == status
        with pytest.raises(ProcessLookupError):
            os.kill(sweeper, 0)
    finally:
        end(demo)


def test_a_sweeper_outlives_its_database(tmp_path: Path) -> None:
    """A sweep that fails is logged, and followed by the next one."""
    crew = Crew(databases.environment(None, tmp_path), tmp_path)
    # There are no tables yet.
    with crew.sweeper() as sweeper:
        wait_for(crew.log("sweeper").read_text, lambda text: text.count("A sweep failed") >= 2)
        assert sweeper.poll() is None
