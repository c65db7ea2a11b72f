"""A server on the loopback that answers as it was told, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """
    Attributes:
        lost: how many of the last bytes of the body are never sent, though they were announced.
        whole: the length is announced; else the body ends with the connection.
    """

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"id": 1}'
    lost: int = 0
    whole: bool = True


# In place of an answer: the connection ends without one, or stays open in silence.
DROPPED = "dropped"
SILENT = "silent"
DONE = Answer()


@dataclass(frozen=True, slots=True)
class Sent:
    """A request, as it arrived."""

    method: str
    headers: Any
    body: bytes

    @property
    def key(self) -> str | None:
        key: str | None = self.headers.get("Idempotency-Key")
        return key


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        server: Any = self.server
        script: Script = server.script
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        script.sent.append(Sent(self.command, self.headers, body))
        answer = script.answers.pop(0)
        self.close_connection = True
        if answer == SILENT:
            script.over.wait(30)
        if not isinstance(answer, Answer):
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.whole:
            self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) - answer.lost])

    def __getattr__(self, name: str) -> Any:
        """Answer all methods alike."""
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


@dataclass(slots=True)
class Script:
    """
    Attributes:
        answers: those still to be given, in this order.
        sent: the requests so far.
    """

    url: str
    answers: list[Answer | str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def keys(self) -> list[str | None]:
        return [sent.key for sent in self.sent]


@contextmanager
def scripted() -> Iterator[Script]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.script = script = Script(f"http://127.0.0.1:{server.server_port}/")
    # Its default poll, half a second, is what each test would wait for at its end.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
