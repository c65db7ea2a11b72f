"""A table of one size, and the server in front of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.filling import key
from benchmarks.growth.filling import BODY
from benchmarks.race.client import Order
from benchmarks.rounds import KEPT
from tests.database_server import Session, with_database
from tests.rig import Database
from tests.servers import ROOT, Server, serve

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

    def order(self, *, replays: bool, connections: int, seconds: float, pause: float = 0) -> Order:
        """Fresh keys, or keys of the table."""
        step = max(1, self.rows // KEYS)  # spread over all of it; their digests are in no order
        chosen = range(1, self.rows + 1, step) if replays else range(0)
        return Order(
            port=int(self.server.url.rpartition(":")[2]),
            connections=connections,
            seconds=seconds,
            keys=[key(n) for n in chosen],
            pause=pause,
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
            sizes = run(url, "benchmarks.growth.filling", str(rows))
            database = Database(name, url)
            with serve(
                database, "benchmarks.wsgi:application", workers=2, threads=4, environ=KEPT
            ) as running:
                yield Site(rows, database, running, sizes)
        finally:
            if not keep:
                session.drop(own)


def run(url: str, *program: str) -> dict[str, Any]:
    """
    Run a program of this package in a process whose database it is; what it prints.

    Raises:
        RuntimeError: it has failed; the message is what it wrote about that.
    """
    done = subprocess.run(
        [sys.executable, "-m", *program],
        env={**os.environ, "DATABASE_URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(program)}:\n{done.stderr}")
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed
