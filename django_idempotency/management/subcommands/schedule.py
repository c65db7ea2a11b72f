"""``manage.py idempotency schedule``: lets Celery's beat run the purge."""

import re
from argparse import ArgumentTypeError
from dataclasses import asdict
from datetime import timedelta

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser

from ...schedules import schedule
from .base import Subcommand

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Schedule(Subcommand):
    help = "Let django-celery-beat run the purge. An entry that is there already is left as it is."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        parser.add_argument(
            "--every",
            type=interval,
            default="1h",
            help="How often: 90s, 10m, 1h, 1d (1h). Only for a new entry.",
        )

    def run(self) -> None:
        try:
            entry = schedule(self.options["every"], database=self.options["database"])
        except ImproperlyConfigured as error:
            self.fail(str(error))
        state = f"{entry.every}{'' if entry.enabled else ', disabled'}"
        self.print(
            asdict(entry),
            f'Scheduled "{entry.name}": {state}.'
            if entry.created
            else f'"{entry.name}" is there already, and was left as it is: {state}.',
        )


def interval(text: str) -> timedelta:
    """Read a number of seconds, minutes, hours or days."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no interval such as 90s, 10m, 1h or 1d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})
