"""The entry of django-celery-beat that lets the purge run: made once, and after that the operator's own."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now

# The purge's task, for schedules. Never to be changed: it stands in the databases of operators.
TASK = "django_idempotency.tasks.purge_expired"
# How long a run goes on: well within an hour, so that no run of an hourly schedule meets the next one.
SECONDS = 900.0
# A message that found no worker for so long is not worth a run any more; the next one does its work.
STALE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What is in the schedule.

    Attributes:
        name: of the entry, by which it is found again.
        every: when it runs, in words; an operator may have made a crontab of it.
        created: whether it was not there before.
    """

    name: str
    every: str
    enabled: bool
    created: bool


def schedule(every: timedelta, *, database: str | None = None) -> Entry:
    """
    Let the purge run, unless there is an entry already: that one is left as it is.

    Args:
        every: whole seconds, 1 or more.
        database: the alias of the records, for an entry of its own. None: where the router writes them.

    Raises:
        ImproperlyConfigured: django-celery-beat is not among the INSTALLED_APPS.
    """
    if not apps.is_installed("django_celery_beat"):
        raise ImproperlyConfigured(
            "There is no schedule to write to: install django-idempotency[beat], and add 'django_celery_beat' to "
            "INSTALLED_APPS. Without it, CELERY_BEAT_SCHEDULE or cron does as well."
        )
    from django_celery_beat.models import PeriodicTask

    name = f"Purge idempotency records ({database})" if database else "Purge idempotency records"
    entry = PeriodicTask.objects.filter(name=name).first()
    created = False
    if entry is None:
        entry, created = PeriodicTask.objects.get_or_create(
            name=name,
            defaults={
                "task": TASK,
                "interval": _interval(every),
                "kwargs": json.dumps(_arguments(every, database)),
                "expire_seconds": max(every, STALE).total_seconds(),
                "description": "Made by manage.py idempotency schedule, which leaves it alone from now on.",
            },
        )
    when = entry.interval or entry.crontab or entry.solar or entry.clocked
    return Entry(name, str(when), entry.enabled, created)


def next_run() -> datetime | None:
    """When django-celery-beat runs the purge next, as far as it has an entry that is enabled; None where it has not."""
    if not apps.is_installed("django_celery_beat"):
        return None
    from django_celery_beat.models import PeriodicTask

    due = [
        now() + entry.schedule.remaining_estimate(entry.last_run_at or entry.date_changed)
        for entry in PeriodicTask.objects.filter(task=TASK, enabled=True)
    ]
    return min(due, default=None)


def _interval(every: timedelta) -> Any:
    from django_celery_beat.models import IntervalSchedule

    units = {
        IntervalSchedule.DAYS: timedelta(days=1),
        IntervalSchedule.HOURS: timedelta(hours=1),
        IntervalSchedule.MINUTES: timedelta(minutes=1),
        IntervalSchedule.SECONDS: timedelta(seconds=1),
    }
    period, unit = next((period, unit) for period, unit in units.items() if not every % unit)
    wanted = {"every": every // unit, "period": period}
    # There may be several such, for nothing forbids it.
    return IntervalSchedule.objects.filter(**wanted).first() or IntervalSchedule.objects.create(**wanted)


def _arguments(every: timedelta, database: str | None) -> dict[str, Any]:
    """What a run of the task is called with, where its own defaults would not do."""
    arguments: dict[str, Any] = {"database": database} if database else {}
    if every.total_seconds() < 2 * SECONDS:
        arguments["seconds"] = every.total_seconds() / 2
    return arguments
