"""The storm itself: a server, its clients, its nemesis, and what is left when it is over."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from pathlib import Path

from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.faults.private import Private
from tests.faults.storm.clients import Clients, Operator
from tests.faults.storm.history import History
from tests.faults.storm.nemesis import Nemesis
from tests.faults.storm.outside import Outside
from tests.faults.storm.plan import Asker, askings, faults
from tests.faults.storm.server import APP
from tests.guarantee.wire import before, url_through
from tests.rig import Database
from tests.servers import serve

WORKERS, THREADS = 4, 4
CLIENTS = 40
# Seconds that it takes at most, once it is calm, until everybody is answered.
CALM = 30.0
# Who comes when it is over: each key is asked for once more.
LATE = Asker(name="late", delay=0.0, patience=(), raises=frozenset())


def storm(
    database: Database, *, seconds: float, seed: int, restarts: int = 0, machine: Private | None = None
) -> History:
    """
    Let it rage over a server on Django's `default`, which is that database.

    Args:
        restarts: how often the machine of the database is stopped, as a crash would, and started again.
    """
    history = History()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idempotency-storm-")))
        outside = stack.enter_context(closing(Outside(folder / "outside")))
        wire = stack.enter_context(closing(before(database)))
        # Sessions are kept, so that one that was ended is met by the next request.
        database.reconfigure(CONN_MAX_AGE=None)
        environ = {"OUTSIDE": str(outside.path), "DATABASE_URL": url_through(wire, database)}
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))
        server = stack.enter_context(serve(database, APP, workers=WORKERS, threads=THREADS, environ=environ))
        clients = stack.enter_context(closing(Clients(server.url, history, Operator(history, outside))))
        nemesis = Nemesis(server, wire, outside, history, machine)

        planned, until = askings(seed), time.monotonic() + seconds
        asking = [pool.submit(clients.work, planned, until) for _ in range(CLIENTS)]
        nemesis.rage(faults(seed, seconds, restarts), clients.stopped)
        wait(asking, until + CALM - time.monotonic())
        late = [pool.submit(clients.ask_until_answered, each, LATE) for each in clients.operations.values()]
        wait(late, CALM)
        clients.stopped.set()
        for each in (*asking, *late):
            each.result()
        history.works = outside.works()
    look(history)
    return history


def look(history: History) -> None:
    """See what is left in the database."""
    for label in Effect.objects.values_list("label", flat=True):
        key, _, run = label.partition(" ")
        history.effects.append((key, run))
    history.records += IdempotencyRecord.objects.values_list("key", "state")
