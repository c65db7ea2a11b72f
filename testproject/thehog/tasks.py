"""
What Celery runs for The Hog, and how it is told to.

Importing the app here binds the tasks to it in every process: a web server's as well as a worker's.
"""

import logging

from testproject.celery import app
from testproject.thehog import work
from testproject.thehog.models import Operation

logger = logging.getLogger(__name__)


@app.task(name="thehog.run")
def run(operation_id: str) -> None:
    """Do a job, unless it is done or being done: it may be enqueued any number of times."""
    operation = Operation.objects.get(pk=operation_id)
    if not operation.begin():
        return
    try:
        status, result = Operation.Status.SUCCEEDED, work.perform(operation)
    except Exception as error:
        logger.exception("The work of %s failed.", operation_id)
        status, result = Operation.Status.FAILED, {"error": f"{type(error).__name__}: {error}"}
    if not operation.finish(status, result):
        logger.warning("Attempt %s of %s came too late.", operation.attempt, operation_id)


@app.task(name="thehog.sweep")
def sweep() -> None:
    """Wake a worker for every job that was forgotten on its way, or lost with its worker."""
    Operation.objects.requeue_lost()
    for operation_id in Operation.objects.overdue():
        enqueue(operation_id)


def enqueue(operation_id: str) -> None:
    """Wake a worker for a job. What goes wrong here is logged and no more: the sweeper will do it."""
    try:
        run.delay(operation_id)
    except Exception:  # whatever the client of a broker raises
        logger.exception("No worker could be woken for %s; the sweeper will try again.", operation_id)
