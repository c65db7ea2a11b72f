"""The Hog's processes beside a running demonstration: more servers, workers, sweepers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from testproject.demo.processes import end, start
from testproject.demo.server import Server
from tests.servers import PAUSE, ROOT
from tests.systems.live import Caller, Live

T = TypeVar("T")

APP = "tests.systems.thehog_wsgi"
# What that application dies of, after COMMIT.
DEADLY = {"X-Die-After-Commit": "yes"}
# Seconds.
PATIENCE = 30.0


def wait_for(read: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """Read until it is what is wanted."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(value := read()):
        assert time.monotonic() < deadline, f"still {value!r}"
        time.sleep(PAUSE)
    return value


class Doomed(Live):
    """The demonstration, in process, in which a request may ask for the death of its process."""

    def __init__(self, database_url: str, folder: Path) -> None:
        super().__init__(database_url, folder)
        # A sweeper may take up at once what is queued; what runs it leaves alone, unless told otherwise.
        self.environment |= {"THEHOG_WAKE_AFTER": "0", "RUNS": str(folder / "runs")}
        self.server = Server(self.environment, folder / "server.log", APP)


class Crew:
    """Processes that share a database, and whatever else their environment names."""

    def __init__(
        self, environment: dict[str, str], folder: Path, celery_app: str = "tests.systems.thehog_celery"
    ) -> None:
        self.environment = environment
        self.folder = folder
        self.celery_app = celery_app

    def sweep(self, **environ: str) -> None:
        """Run ``manage.py sweep_jobs``, once."""
        subprocess.run(
            [sys.executable, "manage.py", "sweep_jobs"], cwd=ROOT, env=self.environment | environ, check=True
        )

    @contextmanager
    def server(self) -> Iterator[Caller]:
        """Serve, and give acme's client."""
        with (
            Server(self.environment, self.folder / "web.log", APP) as server,
            Caller(server.url, "acme-key-1") as caller,
        ):
            yield caller

    @contextmanager
    def celery(self, *arguments: str, ready: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program of Celery from when it says that it is ready."""
        log = self.log(arguments[0])
        command = [sys.executable, "-m", "celery", "--app", self.celery_app, *arguments]
        process = start([*command, "--loglevel", "INFO"], self.environment, log)
        try:
            wait_for(
                lambda: (process.poll(), log.read_text()),
                lambda seen: seen[0] is not None or ready in seen[1],
            )
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            # With all that it has started. Nothing is left to be done, and a polite end takes five seconds.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @contextmanager
    def sweeper(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run ``manage.py sweep_jobs`` that goes on and on."""
        command = [sys.executable, "manage.py", "sweep_jobs", "--every", "0.1"]
        process = start(command, self.environment, self.log("sweeper"))
        try:
            yield process
        finally:
            end(process)

    def log(self, program: str) -> Path:
        return self.folder / f"{program}.log"

    def runs(self, operation_id: str) -> int:
        """Tell how often a worker began with a job."""
        file = Path(self.environment["RUNS"])
        return file.read_text().split().count(operation_id) if file.exists() else 0
