"""``manage.py sweep_jobs``: what Celery's beat does with ``thehog.sweep``, for whoever runs no beat."""

import logging
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand
from django.db import Error, close_old_connections

from testproject.thehog.tasks import sweep

logger = logging.getLogger(__name__)


def positive_seconds(text: str) -> float:
    """Read how long to pause between two sweeps."""
    try:
        seconds = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds") from error
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError("SECONDS must be above 0")
    return seconds


class Command(BaseCommand):
    help = "Wake a worker for every job that waits or runs for too long; without a broker, do them here."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--every",
            metavar="SECONDS",
            type=positive_seconds,
            help="Go on until interrupted. Default: sweep once.",
        )

    def handle(self, *args: Any, every: float | None, **options: Any) -> None:
        if every is None:
            sweep()
            return
        try:
            while True:
                self.sweep_on()
                time.sleep(every)
        except KeyboardInterrupt:
            self.stdout.write("Stopping.")

    def sweep_on(self) -> None:
        """Sweep; a database that is away will be back."""
        close_old_connections()
        try:
            sweep()
        except Error:
            logger.exception("A sweep failed; the next one will try again.")
