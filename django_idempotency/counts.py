"""
How many guarded requests ended how, by hour: for the admin, and for whoever asks the table `idempotency_count`.

Each process adds up in memory and writes what was added a minute later, and when it ends, over a connection of its
own: no request waits for it, and none has a statement more. A process that is killed loses what it had not written.
"""

import atexit
import logging
import os
from collections import Counter
from threading import Lock, Timer

from django.core import mail
from django.db import connections

from .claims import claims_for
from .conf import settings

logger = logging.getLogger("django_idempotency")

# Seconds from a count to its writing.
EVERY = 60.0
# Seconds that the end of a process waits for a writing that is under way.
PATIENCE = 5.0
# Rows of one statement, and what is kept at most where a database does not take them.
ROWS, MOST = 500, 10_000

Counts = Counter[tuple[str, str, str]]


class Tally:
    """The counts of this process that are not written yet: by alias, endpoint and outcome."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with nothing; a process that was forked leaves to its parent what the parent has counted."""
        self._lock, self._writing = Lock(), Lock()
        self._counts: Counts = Counter()
        self._timer: Timer | None = None

    def add(self, alias: str, endpoint: str, outcome: str) -> None:
        """Count one request."""
        with self._lock:
            self._counts[alias, endpoint, outcome] += 1
            if self._timer is None:
                self._timer = Timer(EVERY, self.write)
                self._timer.daemon = True  # it keeps no process from its end
                self._timer.start()

    def write(self) -> None:
        """Add all that was counted to the table. What a database does not take is kept for the next time."""
        with self._lock:
            counts, self._counts, self._timer = self._counts, Counter(), None
        with self._writing:
            for alias in sorted({alias for alias, _, _ in counts}):
                mine = {key[1:]: number for key, number in counts.items() if key[0] == alias}
                try:
                    _write(alias, mine)
                except (
                    Exception
                ) as error:  # also what a test runner raises who wants no other thread to do this
                    logger.warning("Counts could not be written: %s", type(error).__name__)
                    self._keep(alias, mine)

    def finish(self) -> None:
        """Write before the process ends, after whatever is being written."""
        with self._lock:
            timer = self._timer
        if timer is not None:
            timer.cancel()
            self.write()
        elif self._writing.acquire(timeout=PATIENCE):
            self._writing.release()

    def _keep(self, alias: str, counts: dict[tuple[str, str], int]) -> None:
        with self._lock:
            if len(self._counts) < MOST:
                self._counts.update({(alias, *key): number for key, number in counts.items()})


def are_kept() -> bool:
    """Whether there is anything to be counted: not in a test run, whose database is not to be written to behind it."""
    wanted = settings().COUNTS
    return (
        wanted if wanted is not None else not hasattr(mail, "outbox")
    )  # documented: only a test run has one


def _write(alias: str, counts: dict[tuple[str, str], int]) -> None:
    connection = connections[alias]
    try:
        # In one order, so that no two processes wait for each other.
        rows = sorted((*key, number) for key, number in counts.items())
        with connection.cursor() as cursor:
            for first in range(0, len(rows), ROWS):
                claims_for(connection.vendor).count(cursor, rows[first : first + ROWS])
    finally:
        connection.close()  # this thread's own, if it is not the one of the requests


tally = Tally()
atexit.register(tally.finish)
os.register_at_fork(after_in_child=tally.begin)
