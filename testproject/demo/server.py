"""A real server for the time of the demo, and nothing of it afterwards."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

from testproject.demo.databases import ROOT

PATIENCE = 8.0


class Server:
    """Gunicorn in a process group of its own, on a free port of this machine."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log

    def __enter__(self) -> Self:
        # The port is taken here and handed down, so nobody can take it in between, and requests that come before
        # the workers wait in its queue.
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        # Gunicorn sets it, too, but too late for connections that came before it: they keep what the socket had.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with listener, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "--config", "python:testproject.demo.serving"),
                    *("--bind", f"fd://{listener.fileno()}", "testproject.wsgi"),
                ],
                cwd=ROOT,
                env=dict(self.environment),
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own, so that Ctrl-C reaches the demo alone, and all its workers end together.
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
        finally:
            # Whatever is left of the group: workers outlive a master that was killed.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def last_words(self, lines: int = 30) -> str:
        """Read the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
