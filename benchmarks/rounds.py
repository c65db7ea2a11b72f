"""What live requests feel of a purge: rounds without and with one, in turns, at half of what the server can do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.client import Answers, at_rate, capacity
from django_idempotency.models import IdempotencyPurge
from tests.servers import PATIENCE, PAUSE, ROOT, environment, serve

if TYPE_CHECKING:
    from tests.rig import Database

# A connection for each request costs more than the request on MariaDB; nobody who looks at a p99 has it.
KEPT = {"DATABASE_SETTINGS": '{"CONN_MAX_AGE": 600}'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """
    All rounds.

    Attributes:
        capacity: requests that were answered in a second, before the rounds, by a saturated server.
        without, beside: the rounds without a purge, and those beside one.
        removed: records that the purge of each round removed in a second.
    """

    capacity: float
    without: list[Answers]
    beside: list[Answers]
    removed: list[float]

    @property
    def slower(self) -> float:
        """The median of the p99 beside a purge, to that without."""
        return median(each.p99 for each in self.beside) / median(each.p99 for each in self.without)

    @property
    def throughput(self) -> float:
        """The part that is answered in time beside a purge, to that without."""
        return median(each.in_time for each in self.beside) / median(each.in_time for each in self.without)


def effect(database: Database, *, rounds: int, seconds: float) -> Effect:
    """Measure in so many rounds of either kind, each of so many seconds."""
    without: list[Answers] = []
    beside: list[Answers] = []
    removed: list[float] = []
    with serve(database, "benchmarks.wsgi:application", workers=2, threads=4, environ=KEPT) as server:
        capacity(server.url, seconds / 2)  # everything is warm after it
        most = capacity(server.url, seconds / 2)
        for number in range(rounds):
            for purged in (number % 2 == 0, number % 2 == 1):  # neither always comes after the other
                if purged:
                    with purging(database) as counted:
                        beside.append(at_rate(server.url, most / 2, seconds))
                    removed.append(counted[0])
                else:
                    without.append(at_rate(server.url, most / 2, seconds))
    return Effect(capacity=most, without=without, beside=beside, removed=removed)


@contextmanager
def purging(database: Database) -> Iterator[list[float]]:
    """Let `manage.py idempotency purge` run as it is; afterwards tell how many records it removed in a second."""
    last = IdempotencyPurge.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    process = subprocess.Popen(
        [sys.executable, "manage.py", "idempotency", "purge"], cwd=ROOT, env=environment(database, {})
    )
    counted: list[float] = []
    try:
        before = wait_until_it_removes(process, last)
        began = time.monotonic()
        yield counted
        if process.poll() is not None:
            raise RuntimeError("the purge came to its end before the round did: take more rows")
        # A batch may take longer than the round, on a machine that has more to do.
        removed = wait_until_it_removes(process, last, before) - before
        counted.append(removed / (time.monotonic() - began))
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_until_it_removes(process: subprocess.Popen[bytes], last: int, already: int = 0) -> int:
    """Wait until a purge younger than the last has removed more than it had already, and tell how many."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        line = IdempotencyPurge.objects.filter(pk__gt=last).first()
        if line is not None and line.expired > already:
            return line.expired
        time.sleep(PAUSE)
    raise RuntimeError("the purge removes nothing")
