"""``manage.py resolve_transfers --who NAME``: what an operator does about transfers whose outcome is unknown."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from django_idempotency import Finding
from django_idempotency.exceptions import ResolutionRefused
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete, release
from testproject.payments.findings import find_out_transfer
from testproject.payments.policy import TRANSFERS

ENDPOINT = "POST payments:transfer-list"


class Command(BaseCommand):
    help = "Ask the provider about each transfer whose worker was lost, and resolve it by what the provider says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--who", required=True, help="Who answers for it; kept in the audit line.")

    def handle(self, *args: Any, who: str, **options: Any) -> None:
        for record in IdempotencyRecord.objects.filter(endpoint=ENDPOINT).exclude(state="completed"):
            try:
                found = self.resolve(record, who)
            except ResolutionRefused as refused:
                found = str(refused)
            self.stdout.write(f"{record.scope} {record.downstream_key()}: {found}")

    def resolve(self, record: IdempotencyRecord, who: str) -> str:
        # One transaction: the row that is written here, and the answer that tells of it.
        with transaction.atomic():
            found = find_out_transfer(record)
            if found is Finding.STILL_UNKNOWN:
                return "the provider does not answer"
            if found is Finding.NOT_DONE:
                release(record, who=who, why="The provider does not know it.")
                return "released"
            assert not isinstance(found, Finding)  # noqa: S101 - for mypy
            why = f"The provider knows it; its answer was {found.status_code}."
            complete(record, found, who=who, why=why, policy=TRANSFERS)
            return "completed"
