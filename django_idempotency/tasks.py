"""The purge as a Celery task. Celery finds it by itself; nothing else imports this module."""

from dataclasses import asdict
from typing import Any

from celery import shared_task

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
