"""
What really goes to a database: statements and round trips, read off the wire.

A proxy between Django and a server sees what no counter inside the process sees, the driver's own BEGIN included.
SQLite has no wire; its driver tells each statement that it runs.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from tests.rig import Database

CONTROL = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|SET AUTOCOMMIT)\b", re.IGNORECASE)

WRITES = re.compile(r"\b(INSERT INTO|UPDATE \S+ SET|UPDATE \S+ AS \S+ SET|DELETE FROM)\b", re.IGNORECASE)


@dataclass
class Traffic:
    """What one stretch of work sent."""

    sent: list[str] = field(default_factory=list)
    round_trips: int = 0

    @property
    def statements(self) -> list[str]:
        """Each statement in one line, without those that only begin or end a transaction."""
        return [text for text in self._texts if not CONTROL.match(text)]

    @property
    def control(self) -> list[str]:
        """The words that begin and end transactions, in their order."""
        return [match[1].upper() for match in map(CONTROL.match, self._texts) if match]

    @property
    def _texts(self) -> list[str]:
        """Several may be in one message."""
        texts = (" ".join(text.split()) for sent in self.sent for text in sent.split(";"))
        return [text for text in texts if text]

    @property
    def commits(self) -> int:
        """Transactions that wrote and were committed, those of a single statement included."""
        commits, begun, wrote = 0, False, False
        for text in self._texts:
            word = text.split(maxsplit=1)[0].upper()
            if word == "BEGIN" or text == "SET AUTOCOMMIT = 0":
                begun, wrote = True, False
            elif word in ("COMMIT", "ROLLBACK") and " TO " not in text:
                commits += begun and wrote and word == "COMMIT"
                begun = False
            elif WRITES.search(text):
                commits += not begun
                wrote = True
        return commits


@contextmanager
def listening(database: Database) -> Iterator[Traffic]:
    """Everything that Django's `default` sends within the block; it must be connected before."""
    traffic = Traffic()
    if database.name == "sqlite":
        connection.connection.set_trace_callback(traffic.sent.append)
        yield traffic
        connection.connection.set_trace_callback(None)
        traffic.round_trips = len(traffic.sent)
        return
    proxy = PROXIES[database.name]
    proxy.traffic = traffic
    try:
        yield traffic
    finally:
        proxy.traffic = Traffic()


# The proxy in front of each server, while `through_proxy` is active.
PROXIES: dict[str, Proxy] = {}


@contextmanager
def through_proxy(database: Database) -> Iterator[None]:
    """Send the rest of the test through a proxy that counts."""
    if database.name == "sqlite":
        connection.ensure_connection()
        yield
        return
    settings = connection.settings_dict
    default = 5432 if database.name == "postgresql" else 3306
    target = (settings["HOST"] or "127.0.0.1", int(settings["PORT"] or default))
    proxy = PROXIES[database.name] = Proxy(target, mysql=database.name == "mariadb")
    try:
        # Encrypted traffic cannot be read.
        options = {"sslmode": "disable"} if database.name == "postgresql" else {}
        database.reconfigure(HOST="127.0.0.1", PORT=proxy.port, OPTIONS=options)
        connection.ensure_connection()
        yield
    finally:
        connection.close()
        PROXIES.pop(database.name).close()


class Proxy:
    """Forwards one connection at a time and writes down what the client asks."""

    def __init__(self, target: tuple[str, int], *, mysql: bool) -> None:
        self.target = target
        self.mysql = mysql
        self.traffic = Traffic()
        self._answered = True
        self._texts = PostgreSQLTexts()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._spawn(self._accept)

    def close(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _spawn(self, target: Any, *args: Any) -> None:
        threading.Thread(target=target, args=args, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = _dial(self.target)
                self._sockets += [client, server]
                self._spawn(self._forward, client, server, True)
                self._spawn(self._forward, server, client, False)

    def _forward(self, source: socket.socket, sink: socket.socket, asking: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if asking:
                    self._note(data)
                else:
                    self._answered = True
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def _note(self, data: bytes) -> None:
        if self._answered:  # the client waits for nothing: this begins a new round trip
            self._answered = False
            self.traffic.round_trips += 1
        if not self.mysql:
            self.traffic.sent += self._texts.of(data)
        elif len(data) > 5 and data[4] == 3:
            self.traffic.sent.append(data[5:].decode(errors="replace"))


class PostgreSQLTexts:
    """The texts that a client lets the server run: as they are, or prepared before and bound."""

    def __init__(self) -> None:
        self._prepared: dict[bytes, str] = {}
        self._bound = ""

    def of(self, data: bytes) -> Iterator[str]:
        """Those of some messages; each has a letter and its own length, but for the first one of a session."""
        while data and data[0]:
            kind, end = data[:1], 1 + int.from_bytes(data[1:5])
            content, data = data[5:end], data[end:]
            if kind == b"Q":
                yield content.decode(errors="replace").rstrip("\0")
            elif kind == b"P":
                name, text = content.split(b"\0")[:2]
                self._prepared[name] = text.decode(errors="replace")
            elif kind == b"B":
                self._bound = self._prepared.get(content.split(b"\0")[1], "")
            elif kind == b"E":
                yield self._bound


def _dial(target: tuple[str, int]) -> socket.socket:
    if not target[0].startswith("/"):
        return socket.create_connection(target)
    local = socket.socket(socket.AF_UNIX)  # a folder of sockets, as PostgreSQL's own programs name it
    local.connect(f"{target[0]}/.s.PGSQL.{target[1]}")
    return local
