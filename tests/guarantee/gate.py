"""A place where a handler, in whatever process, stops until the test lets it go on."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from django.http import HttpRequest

HEADER = "X-Gate"

# Seconds. Nothing takes that long; it ends a test that would otherwise hang.
PATIENCE = 30.0


def halt(request: HttpRequest, **told: Any) -> None:
    """Tell the test where this process is, and wait. A request that names no gate goes straight on."""
    port = request.headers.get(HEADER)
    if port is None:
        return
    with socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE) as line:
        line.sendall(json.dumps({"pid": os.getpid(), **told}).encode() + b"\n")
        line.recv(1)


class Arrival:
    """One handler that stands at the gate."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._line.settimeout(PATIENCE)
        with line.makefile("rb") as file:
            self.told: dict[str, Any] = json.loads(file.readline())

    @property
    def pid(self) -> int:
        return int(self.told["pid"])

    def let_go(self) -> None:
        with suppress(OSError):  # its process may have been killed
            self._line.sendall(b".")
        self._line.close()


class Gate:
    """
    The test's end. Requests that carry `headers` stop at it; leaving the `with` block lets all of them go.

    The header is no part of what makes two requests equal.
    """

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listener.settimeout(PATIENCE)
        self.headers = {HEADER: str(self._listener.getsockname()[1])}
        self._arrivals: list[Arrival] = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for arrival in self._arrivals:
            arrival.let_go()

    def arrival(self) -> Arrival:
        """Wait for the next handler to arrive."""
        line, _ = self._listener.accept()
        self._arrivals.append(Arrival(line))
        return self._arrivals[-1]
