"""What Celery finds by itself: the purge as a task, and the end of a worker. Nothing else imports this module."""

from dataclasses import asdict
from typing import Any

from celery import shared_task
from celery.signals import worker_process_shutdown

from . import counts
from .purge import REST, purge
from .schedules import SECONDS, TASK


# The name stands in operators' schedules, so it outlives this module.
@shared_task(name=TASK, ignore_result=True)
def purge_expired(
    *,
    seconds: float | None = SECONDS,
    rows: int | None = None,
    batch: int = 500,
    rest: float = REST,
    database: str | None = None,
) -> dict[str, Any]:
    """Run `purge` with these bounds; return, and let the worker log, what it has done."""
    return asdict(purge(database=database, batch=batch, rows=rows, seconds=seconds, rest=rest))


@worker_process_shutdown.connect
def write_counts(**kwargs: Any) -> None:
    """Write what a worker's process has counted: Celery ends them without Python's own farewell."""
    counts.tally.finish()
