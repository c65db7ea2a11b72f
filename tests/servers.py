"""
A real server in processes of its own, for what one process cannot show: races between workers, and their death.

    with serve(database, workers=4) as server, http_client() as http:
        http.post(f"{server.url}/effects/", ...)
        os.kill(server.worker_pids()[0], signal.SIGKILL)
"""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.rig import Database

ROOT = Path(__file__).resolve().parent.parent

# Seconds; starting four workers on a busy machine takes a few.
PATIENCE = 60.0
PAUSE = 0.02

# No test speaks TLS. What httpx reads by itself, the certificates of all authorities, takes longer than a request.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# Gunicorn closes a connection that is idle for two seconds; a client that is about to use it would be told nothing else.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=1.0)

WORKER_STARTED = re.compile(r"(?:Booting worker with pid: |Started server process \[)(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def pid(self) -> int:
        """The process that looks after the workers."""
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def worker_pids(self) -> list[int]:
        """Return the workers that have ever started, oldest first: one that was killed is replaced by a new one."""
        return [int(pid) for pid in WORKER_STARTED.findall(self.log)]


@contextmanager
def serve(
    database: Database,
    app: str = "tests.wsgi:application",
    *,
    workers: int = 4,
    threads: int = 1,
    asgi: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """
    Serve an application on a free port of the loopback, against the database of the test as it is configured now.

    Args:
        app: What gunicorn is to serve; with `asgi`, uvicorn (say "tests.asgi:application").
        environ: More for the environment of the server, such as another `DJANGO_SETTINGS_MODULE`.
    """
    with tempfile.TemporaryDirectory(prefix="idempotency-server-") as folder, listening() as listener:
        log_file = Path(folder, "log")
        command = uvicorn(app, listener, workers) if asgi else gunicorn(app, listener, workers, threads)
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=environment(database, environ or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[listener.fileno()],
                # A group of its own: ended as a whole, workers without a parent included.
                start_new_session=True,
            )
        port = listener.getsockname()[1]
        # Only the server's own copy stays open, so that its end is seen as a refused connection.
        listener.close()
        server = Server(url=f"http://127.0.0.1:{port}", process=process, log_file=log_file)
        try:
            wait_until_ready(server, workers)
            yield server
        finally:
            end(process)


class Servers:
    """The servers of one process of the tests: each is started when a test first asks for it, and stays for others."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._running: dict[str, Server] = {}

    def of(self, database: Database, app: str, **options: Any) -> Server:
        """The one for this database as it is configured now, with these options of `serve`."""
        place = repr((database.environ, app, options))
        if place not in self._running:
            self._running[place] = self._stack.enter_context(serve(database, app, **options))
        return self._running[place]


def http_client(
    url: str = "", *, timeout: float = PATIENCE, headers: Mapping[str, str] | None = None
) -> httpx.Client:
    """A client for servers on this machine, which the proxies of the environment are not for."""
    return httpx.Client(
        base_url=url, timeout=timeout, headers=headers, trust_env=False, verify=NO_CERTIFICATES, limits=LIMITS
    )


def listening() -> socket.socket:
    """Open the port before the server starts: nobody else can take it meanwhile."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    return listener


def gunicorn(app: str, listener: socket.socket, workers: int, threads: int) -> list[str]:
    options = [
        # Django is imported once, and forked: what a server costs is mostly its start.
        "--preload",
        "--workers",
        str(workers),
        "--threads",
        str(threads),
        "--timeout",
        "60",
        "--graceful-timeout",
        "5",
    ]
    return ["gunicorn", app, "--bind", f"fd://{listener.fileno()}", "--no-control-socket", *options]


def uvicorn(app: str, listener: socket.socket, workers: int) -> list[str]:
    options = ["--workers", str(workers), "--lifespan", "off", "--timeout-graceful-shutdown", "5"]
    return ["uvicorn", app, "--fd", str(listener.fileno()), *options]


def environment(database: Database, more: Mapping[str, str]) -> dict[str, str]:
    # The options of whoever runs the tests are not the server's.
    inherited = {name: value for name, value in os.environ.items() if name != "GUNICORN_CMD_ARGS"}
    return {**inherited, "DJANGO_SETTINGS_MODULE": "tests.settings", **database.environ, **more}


def wait_until_ready(server: Server, workers: int) -> None:
    """Wait until all workers have started and one answers, whatever it says."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.process.poll() is None:
        with suppress(httpx.TransportError):
            if len(server.worker_pids()) >= workers:
                with http_client() as http:
                    http.get(server.url)
                return
        time.sleep(PAUSE)
    raise RuntimeError(f"the server does not answer; its log:\n{server.log}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make sure of it and of all its workers."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
