"""A proxy in front of a database server, which can lose a COMMIT or the answer to it."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote

from django.db import connection

from tests.database_server import with_options
from tests.rig import Database

# Neither SET AUTOCOMMIT nor READ COMMITTED.
COMMIT = re.compile(rb"(?<!AUTO)COMMIT\b")


class Lose(Enum):
    """What gets lost, and the session with it."""

    # The statement is applied, and nobody is told.
    ANSWER = "answer"
    # It never arrives, so the server undoes the work.
    COMMIT = "commit"


@dataclass(frozen=True, slots=True)
class Loss:
    """What was lost, of the session whose client has that port for the server, and when (monotonic)."""

    lose: Lose
    port: int
    at: float


class Wire:
    """
    Forwards everything, until something is to go wrong.

    Attributes:
        lose: what goes wrong, once, with the next statement that `of` describes.
        down: whether nobody gets through, and nobody gets in.
        losses: what went wrong until now.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.lose: Lose | None = None
        self.of = COMMIT
        self.down = False
        self.losses: list[Loss] = []
        self._ends: list[socket.socket] = []
        self._lock = threading.Lock()
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._spawn(self._accept)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def cut(self) -> None:
        """End all sessions, and let no new one in until `down` is False."""
        self.down = True
        hang_up(*self._ends)
        self._ends.clear()

    def _spawn(self, target: object, *arguments: object) -> None:
        threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.down:
                    client.close()
                    continue
                try:
                    server = dial(self._target)
                except OSError:  # it is away
                    client.close()
                    continue
                lost = threading.Event()
                self._ends += (client, server)
                self._spawn(self._ask, client, server, lost)
                self._spawn(self._answer, client, server, lost)

    def _ask(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if (lose := self._loses(data)) is not None:
                    lost.set()
                    self.losses.append(Loss(lose, port_of(server), time.monotonic()))
                    if lose is Lose.COMMIT:
                        break
                server.sendall(data)
        hang_up(client, server)

    def _loses(self, data: bytes) -> Lose | None:
        with self._lock:  # once
            if self.lose is None or not self.of.search(data):
                return None
            lose, self.lose = self.lose, None
            return lose

    def _answer(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if lost.is_set():
                    break
                client.sendall(data)
        hang_up(client, server)


def dial(target: tuple[str, int]) -> socket.socket:
    if not target[0].startswith("/"):
        return socket.create_connection(target)
    local = socket.socket(socket.AF_UNIX)  # a folder of sockets, as PostgreSQL's own programs name it
    local.connect(f"{target[0]}/.s.PGSQL.{target[1]}")
    return local


def port_of(end: socket.socket) -> int:
    return 0 if end.family == socket.AF_UNIX else int(end.getsockname()[1])


def hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


SCHEMES = {"postgresql": ("postgres", 5432), "mariadb": ("mysql", 3306)}


def before(database: Database) -> Wire:
    """A wire to the server of Django's `default`."""
    settings = connection.settings_dict
    return Wire((settings["HOST"] or "127.0.0.1", int(settings["PORT"] or SCHEMES[database.name][1])))


def url_through(wire: Wire, database: Database) -> str:
    """The URL of Django's `default` for another process, through a wire."""
    settings = connection.settings_dict
    scheme = SCHEMES[database.name][0]
    user = ":".join(quote(settings[name]) for name in ("USER", "PASSWORD") if settings[name])
    options = {name: value for name, value in settings["OPTIONS"].items() if name != "unix_socket"}
    if scheme == "postgres":
        options["sslmode"] = "disable"  # encrypted traffic cannot be read
    return with_options(f"{scheme}://{user}@127.0.0.1:{wire.port}/{settings['NAME']}", options)


@contextmanager
def wired(database: Database) -> Iterator[Wire]:
    """Send the rest of the test through a proxy."""
    wire = before(database)
    try:
        # Encrypted traffic cannot be read.
        options = {"sslmode": "disable"} if database.name == "postgresql" else {}
        database.reconfigure(HOST="127.0.0.1", PORT=str(wire.port), OPTIONS=options)
        yield wire
    finally:
        connection.close()
        wire.close()
