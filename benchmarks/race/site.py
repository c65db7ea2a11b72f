"""One contestant, as it is served: gunicorn with two workers of four threads, which keep their connections."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.programs import run
from benchmarks.race.contestants import CONTESTANTS, Contestant
from benchmarks.race.places import Places
from tests.servers import PATIENCE, PAUSE, ROOT, listening

WORKERS, THREADS = 2, 4


@dataclass
class Site:
    """
    It, and the servers that it needs.

    Attributes:
        name: its key in CONTESTANTS.
        python: its interpreter.
    """

    name: str
    python: Path
    places: Places
    log: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    peak: int = field(default=0)

    @property
    def contestant(self) -> Contestant:
        return CONTESTANTS[self.name]

    def prepare(self) -> None:
        """
        Make its tables.

        Raises:
            RuntimeError: they could not be made.
        """
        run([self.python, "-m", "benchmarks.race.tables"], self.environment())

    def environment(self, port: int | None = None) -> dict[str, str]:
        told = json.dumps(self.places.of(self.name, port))
        path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
        return {
            **os.environ,
            "RACE": told,
            "PYTHONPATH": path,
            "DJANGO_SETTINGS_MODULE": "benchmarks.race.project",
        }

    def start(self) -> None:
        """Serve, on a free port."""
        with listening() as listener:
            self.port = listener.getsockname()[1]
            options = ("--workers", str(WORKERS), "--threads", str(THREADS), "--worker-class", "gthread")
            quiet = ("--keep-alive", "60", "--log-level", "warning", "--bind", f"fd://{listener.fileno()}")
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [self.python, "-m", "gunicorn", *options, *quiet, "benchmarks.race.wsgi:application"],
                    env=self.environment(),
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    pass_fds=[listener.fileno()],
                    start_new_session=True,
                )
        deadline = time.monotonic() + PATIENCE
        while len(self.workers) < WORKERS:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} does not start: {self.log.read_text()}")
            time.sleep(PAUSE)

    @property
    def workers(self) -> list[int]:
        """The processes that answer."""
        if self.process is None:
            return []
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def stop(self) -> None:
        """End it, and remember how much memory one worker had at most."""
        if self.process is None:
            return
        self.peak = max([self.peak, *map(memory, self.workers)])
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process = None


def memory(pid: int) -> int:
    """The most bytes that a process has had so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
