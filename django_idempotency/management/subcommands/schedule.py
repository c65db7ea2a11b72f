"""``manage.py idempotency schedule``: lets Celery's beat run the purge."""

from dataclasses import asdict

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandParser

from ...schedules import schedule
from .base import Subcommand, interval


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
