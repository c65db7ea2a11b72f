"""
The jobs that organizations have paid for.

A row is the truth about its job; whatever wakes a worker is only a hint. Every step is a compare-and-set, so a job
may be handed to any number of workers: one of them takes it, and only that one can finish it.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from testproject.systems.models import Resource

PRICE = 1


class UtcNow(Now):
    """The database's clock: that of no process decides how long a job has waited."""

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Its own CURRENT_TIMESTAMP is in the session's time zone.
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def seconds_ago(seconds: float) -> Any:
    """Tell a moment of the past, by the database's clock."""
    return UtcNow() - timedelta(seconds=seconds)


class OperationManager(models.Manager["Operation"]):
    """Finds the jobs that nobody is working on although somebody should."""

    def requeue_lost(self) -> None:
        """Put jobs back whose worker must have died; one that has cost too many workers has failed."""
        limits = settings.THEHOG
        lost = self.filter(status=Operation.Status.RUNNING, stirred_at__lt=seconds_ago(limits["LOST_AFTER"]))
        lost.filter(attempt__gte=limits["ATTEMPTS"]).update(
            status=Operation.Status.FAILED, result={"error": "No worker came to the end of it"}
        )
        # From here on the worker of the attempt before can change nothing, should it live after all. The time
        # stays, so the job is overdue at once.
        lost.update(status=Operation.Status.QUEUED, attempt=F("attempt") + 1)

    def overdue(self) -> list[str]:
        """List the jobs that have waited so long that their enqueueing may be lost, each to one caller only."""
        waiting = self.filter(
            status=Operation.Status.QUEUED, stirred_at__lt=seconds_ago(settings.THEHOG["WAKE_AFTER"])
        )
        # The condition holds for one of two sweepers; the other one finds the time changed.
        return [
            pk
            for pk in waiting.values_list("pk", flat=True)
            if waiting.filter(pk=pk).update(stirred_at=UtcNow())
        ]


class Operation(Resource):
    """A job: accepted and paid for in one transaction, and done later."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    class Type(models.TextChoices):
        ENRICH = "enrich"
        GENERATE = "generate"
        DEEP_RESEARCH = "deep-research"

    kind = "op"

    type = models.CharField(max_length=20, choices=Type.choices)
    # The fields of the request.
    sent = models.JSONField()
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    result = models.JSONField(null=True, default=None)
    # How often it was handed out; a worker may finish only its own attempt.
    attempt = models.PositiveIntegerField(default=1)
    # How often it ran to its end.
    runs = models.PositiveIntegerField(default=0)
    # When it was accepted, or begun, or a sweeper last woke a worker for it.
    stirred_at = models.DateTimeField()

    objects = OperationManager()

    class Meta(Resource.Meta):
        indexes = (models.Index(fields=["status", "stirred_at"], name="thehog_waiting"),)

    def begin(self) -> bool:
        """Take it from the queue, unless another worker has."""
        return self._move(self.Status.QUEUED, status=self.Status.RUNNING)

    def finish(self, status: Status, result: dict[str, Any]) -> bool:
        """Write down how it ended, unless it was taken away meanwhile."""
        return self._move(self.Status.RUNNING, status=status, result=result, runs=F("runs") + 1)

    def _move(self, expected: Status, **values: Any) -> bool:
        """Change it if it still is what this worker thinks; committed before the worker goes on."""
        mine = Operation.objects.filter(pk=self.pk, attempt=self.attempt, status=expected)
        return bool(mine.update(stirred_at=UtcNow(), **values))
