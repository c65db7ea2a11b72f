"""`python -m tests.faults.storm`: let it rage, and say what became of every promise."""

from __future__ import annotations

import argparse
import faulthandler
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from tests.faults.private import Private
    from tests.rig import Database

# Seconds that all around the storm may take.
AROUND = 120


def main() -> int:
    said = arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    from tests.faults.storm.site import storm
    from tests.faults.storm.verdict import Verdict

    bound(said.seconds)
    print(
        f"{said.seconds:g} s on {said.database}, seed {said.seed}: the plan follows from it, the timing does not"
    )
    with machine(said.database, private=said.restarts > 0) as (database, server):
        history = storm(
            database, seconds=said.seconds, seed=said.seed, restarts=said.restarts, machine=server
        )
    verdict = Verdict(history, said.seconds)
    print(verdict)
    print("every promise was kept" if verdict.holds else "FAILED")
    return 0 if verdict.holds else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm")
    parser.add_argument("--database", choices=("postgresql", "mariadb"), default="postgresql")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeats a plan")
    parser.add_argument(
        "--restarts", type=int, default=0, help="so often, a database server of its own is stopped at once"
    )
    return parser.parse_args()


def bound(seconds: float) -> None:
    """Clean up and end on Ctrl-C, on SIGTERM, and when it takes too long."""

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)

    def end(number: int, frame: FrameType | None) -> None:
        for each in ends:  # once: cleaning up is not to be disturbed
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(f"ended by {signal.Signals(number).name}")

    for number in ends:
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, seconds + AROUND)
    faulthandler.dump_traceback_later(
        seconds + 2 * AROUND, exit=True
    )  # should even cleaning up take for ever


@contextmanager
def machine(name: str, *, private: bool) -> Iterator[tuple[Database, Private | None]]:
    """A new database, migrated and Django's `default`; on a server of its own, if it is to be restarted."""
    with own(name) if private else shared(name) as (database, server), database.installed({}):
        yield database, server


@contextmanager
def shared(name: str) -> Iterator[tuple[Database, None]]:
    from tests.databases import Run
    from tests.rig import Databases

    run = Run()
    try:
        if reason := run.found.missing(name):
            raise SystemExit(reason)
        with tempfile.TemporaryDirectory(prefix="idempotency-storm-") as folder:
            databases = Databases(run.found, "storm", Path(folder))
            try:
                yield databases[name], None
            finally:
                databases.drop()
    finally:
        run.end()


@contextmanager
def own(name: str) -> Iterator[tuple[Database, Private]]:
    from tests.database_server import Session, with_database
    from tests.faults.private import PrivateMariaDB, PrivatePostgreSQL, private
    from tests.rig import Database

    kind = {kind.name: kind for kind in (PrivatePostgreSQL, PrivateMariaDB)}[name]
    with private(kind) as server:
        with Session(
            name, with_database(server.url, "postgres") if name == "postgresql" else server.url
        ) as session:
            session.create("storm")
        migrated = Database(name, with_database(server.url, "storm"))
        migrated.migrate()
        migrated.discard()
        # Never emptied: what empties it would not live through a restart.
        yield Database(name, with_database(server.url, "storm")), server


if __name__ == "__main__":
    sys.exit(main())
