"""The check of whether the purge runs by itself."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router

from ..counts import in_tests
from ..schedules import TASK
from .messages import warning


@register(Tags.database)
def check_purge(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """Where django-celery-beat is there to run it, the purge is scheduled. Elsewhere cron may do it, unseen."""
    if not databases or not apps.is_installed("django_celery_beat") or in_tests():
        return []  # in a test database nobody has scheduled anything
    from django_celery_beat.models import PeriodicTask

    alias = router.db_for_read(PeriodicTask)
    if alias not in databases:
        return []
    connection = connections[alias]
    with connection.cursor() as cursor:
        if PeriodicTask._meta.db_table not in connection.introspection.table_names(cursor):
            return []  # before its first migration
    if TASK in _in_settings() or PeriodicTask.objects.filter(task=TASK, enabled=True).exists():
        return []
    text = "Nothing runs the purge: its table only grows. manage.py idempotency schedule makes an entry for the beat."
    return [warning("W008", text)]


def _in_settings() -> Iterable[str]:
    """The tasks that Celery's own settings schedule, wherever these are."""
    from celery import current_app

    entries = {**current_app.conf.beat_schedule, **getattr(django_settings, "CELERY_BEAT_SCHEDULE", {})}
    return {entry["task"] if isinstance(entry, dict) else entry.task for entry in entries.values()}
