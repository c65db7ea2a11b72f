"""A real server for the time of the demo, and nothing of it afterwards."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from testproject.demo.processes import end, start


class Server:
    """Gunicorn in a process group of its own, on a free port of this machine."""

    def __init__(self, environment: Mapping[str, str], log: Path, app: str = "testproject.wsgi") -> None:
        self.environment = environment
        self.log = log
        self.app = app

    def __enter__(self) -> Self:
        # The port is taken here and handed down, so nobody can take it in between, and requests that come before
        # the workers wait in its queue.
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        # Its connections inherit this. Without it an answer's body waits 40 ms for the client to confirm its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with listener:
            self.process = start(
                [
                    *(sys.executable, "-m", "gunicorn", "--config", "python:testproject.demo.serving"),
                    *("--bind", f"fd://{listener.fileno()}", self.app),
                ],
                self.environment,
                self.log,
                pass_fds=[listener.fileno()],
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        end(self.process)

    def last_words(self, lines: int = 30) -> str:
        """Read the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
