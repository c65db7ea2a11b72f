"""
How many guarded requests ended how, by hour: for the admin, and for whoever asks the table `idempotency_count`.

Each process adds up in memory. A thread writes what was added a minute later, or when the process ends, over a
connection of its own: no request waits for it, and none has a statement more. A process that is killed loses what it
had not written.
"""

import atexit
import logging
import os
import sys
from collections import Counter, defaultdict
from threading import Event, Lock, Thread

from django.db import DatabaseError, connections

from .claims import claims_for
from .claims.base import Trouble
from .conf import settings

logger = logging.getLogger("django_idempotency")

# Seconds from a count to its writing, and from a failed writing to the next one.
EVERY = 60.0
# Seconds that the end of a process waits for the last writing.
PATIENCE = 5.0
# Rows that are kept in memory and written in one statement at most: one for each endpoint and outcome of a minute.
MOST = 2_000
# How often a statement is begun again that the database undid to let another one pass.
TRIES = 10

# By endpoint and outcome.
Counts = Counter[tuple[str, str]]


class Tally:
    """The counts of this process that are not written yet."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin with nothing; a process that was forked leaves to its parent what the parent has counted."""
        self._lock = Lock()
        self._counts: dict[str, Counts] = defaultdict(Counter)
        self._failing: set[str] = set()
        self._writer: Thread | None = None
        self._ending = Event()

    def add(self, alias: str, endpoint: str, outcome: str, requests: int = 1) -> None:
        """Count one request, or several."""
        with self._lock:
            counts = self._counts[alias]
            if len(counts) < MOST or (endpoint, outcome) in counts:
                counts[endpoint, outcome] += requests
            if self._writer is None:
                # A daemon: it keeps no process from its end.
                writer = Thread(target=self._write_until_empty, name="idempotency-counts", daemon=True)
                writer.start()  # first, for it may fail
                self._writer = writer

    def finish(self) -> None:
        """Write what is left before the process ends."""
        self._ending.set()
        writer = self._writer
        if writer is not None:
            writer.join(PATIENCE)

    def write(self) -> None:
        """Write what was counted until now. What a database does not take is kept for the next time."""
        with self._lock:
            taken, self._counts = self._counts, defaultdict(Counter)
        for alias, counts in taken.items():
            try:
                store(alias, counts)
            except Exception as error:  # also what a test runner raises who wants no other thread to do this
                self._keep(alias, counts, error)
            else:
                self._failing.discard(alias)

    def _write_until_empty(self) -> None:
        while True:
            ending = self._ending.wait(EVERY)
            self.write()
            with self._lock:
                if ending or not self._counts:
                    self._writer = None
                    return

    def _keep(self, alias: str, counts: Counts, error: Exception) -> None:
        for (endpoint, outcome), requests in counts.items():
            self.add(alias, endpoint, outcome, requests)
        if alias not in self._failing:
            self._failing.add(alias)
            logger.warning("Counts could not be written to %s: %s", alias, type(error).__name__)


def are_kept() -> bool:
    """Whether requests are counted."""
    wanted = settings().COUNTS
    return not in_tests() if wanted is None else wanted


def in_tests() -> bool:
    """Whether Django's test runner, or pytest's, has set this process up; a thread that writes would get in its way."""
    runner = sys.modules.get("django.test.utils")
    return runner is not None and hasattr(runner._TestState, "saved_data")


def store(alias: str, counts: Counts) -> None:
    """
    Add counts to the table, all or none.

    Raises:
        Error: the database did not take them.
    """
    # In one order, so that two processes wait for each other in a line and not in a circle.
    rows = sorted((*key, requests) for key, requests in counts.items())
    # Not the connection of the requests, if this thread has one.
    connection = connections.create_connection(alias)
    claims = claims_for(connection.vendor)
    try:
        for left in reversed(range(TRIES)):
            try:
                with connection.cursor() as cursor:
                    claims.count(cursor, rows)
                return
            except DatabaseError as error:
                if not left or claims.trouble(connection, error) is not Trouble.AGAIN:
                    raise
    finally:
        connection.close()


tally = Tally()
atexit.register(tally.finish)
os.register_at_fork(after_in_child=tally.begin)
