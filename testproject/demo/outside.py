"""A service that a system calls, and that is no part of the project: alone in its process, with a store of its own."""

import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from testproject.demo.processes import end, start


class Outside:
    """
    A module that is run with ``--fd``, a listening socket, and ``--store``, a file.

    Entered again, it is the same service after a restart: the same URL, the same store.
    """

    def __init__(self, module: str, environment: Mapping[str, str], folder: Path) -> None:
        self.module = module
        self.environment = environment
        self.folder = folder
        self.port = 0

    def __enter__(self) -> Self:
        # Like the server's: its URL is known, and requests wait in its queue, before the process is there.
        listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        with listener:
            self.process = start(
                [
                    *(sys.executable, "-m", self.module, "--fd", str(listener.fileno())),
                    *("--store", str(self.folder / f"{self.module}.sqlite3")),
                ],
                self.environment,
                self.folder / f"{self.module}.log",
                pass_fds=[listener.fileno()],
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        end(self.process)
