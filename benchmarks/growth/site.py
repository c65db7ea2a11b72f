"""A table of one size, and the server in front of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.filling import key
from benchmarks.growth.filling import BODY
from benchmarks.programs import run
from benchmarks.race.client import Order
from benchmarks.rounds import KEPT
from tests.database_server import Session, with_database
from tests.rig import Database
from tests.servers import Server, serve

# Keys whose answers are asked for again, from anywhere in the table.
KEYS = 2000


@dataclass(frozen=True, slots=True)
class Site:
    """
    It.

    Attributes:
        sizes: bytes of one record, by table and index.
    """

    rows: int
    database: Database
    server: Server
    sizes: dict[str, int]

    def order(
        self, *, replays: bool, connections: int, seconds: float, pause: float = 0, after: float = 0
    ) -> Order:
        """Fresh keys, or keys of the table."""
        step = max(1, self.rows // KEYS)  # spread over all of it; their digests are in no order
        chosen = range(1, self.rows + 1, step) if replays else range(0)
        return Order(
            port=int(self.server.url.rpartition(":")[2]),
            connections=connections,
            seconds=seconds,
            keys=[key(n) for n in chosen],
            pause=pause,
            after=after,
            path="/insert/",
            body=BODY,
        )


@contextmanager
def site(name: str, server: str, rows: int, *, keep: bool) -> Iterator[Site]:
    """
    Make a database on a server, fill it, and serve it; afterwards drop it.

    Args:
        keep: do not drop it, and take one that is there.
    """
    own = f"benchmark_idempotency_{rows}"
    url = with_database(server, own)
    with Session(name, with_database(server, "postgres" if name == "postgresql" else "")) as session:
        if not keep:
            session.drop(own)
        if own not in session.databases():
            session.create(own)
        try:
            sizes = told(url, "benchmarks.growth.filling", str(rows))
            database = Database(name, url)
            with serve(
                database, "benchmarks.wsgi:application", workers=2, threads=4, environ=KEPT
            ) as running:
                yield Site(rows, database, running, sizes)
        finally:
            if not keep:
                session.drop(own)


def told(url: str, *program: str) -> dict[str, Any]:
    """
    What a program of this package prints, in a process whose database it is.

    Raises:
        RuntimeError: it has failed.
    """
    printed: dict[str, Any] = json.loads(
        run([sys.executable, "-m", *program], {**os.environ, "DATABASE_URL": url})
    )
    return printed
