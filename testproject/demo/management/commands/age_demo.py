"""``manage.py age_demo HOURS``: what tomorrow would look like."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import DateTimeField, F

from django_idempotency.models import IdempotencyRecord

# Times before this no database has to know.
LONGEST = timedelta(days=36500)


def positive_hours(text: str) -> timedelta:
    """Read how far to go back."""
    try:
        age = timedelta(hours=float(text))
    except (ValueError, OverflowError) as error:
        raise ArgumentTypeError(f"{text!r} is not a number of hours") from error
    if not timedelta() < age <= LONGEST:
        raise ArgumentTypeError(f"HOURS must be above 0, and at most {LONGEST // timedelta(hours=1)}")
    return age


class Command(BaseCommand):
    help = "Move every idempotency record's times HOURS into the past, to show expiry without waiting for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hours", metavar="HOURS", type=positive_hours)

    def handle(self, *args: Any, hours: timedelta, **options: Any) -> None:
        times = [field.name for field in IdempotencyRecord._meta.fields if isinstance(field, DateTimeField)]
        # The database's own arithmetic, in one statement: no clock of this process has a say.
        aged = IdempotencyRecord.objects.update(**{name: F(name) - hours for name in times})
        self.stdout.write(f"{aged} records are {hours} older.")
