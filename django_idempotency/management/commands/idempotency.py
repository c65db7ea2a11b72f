"""``manage.py idempotency``: looking after the records. Each subcommand is a module in `management.subcommands`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ..subcommands import SUBCOMMANDS


class Command(BaseCommand):
    help = "Look after the idempotency records."
    # They work with the database at hand, and say themselves what is wrong.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for name, subcommand in SUBCOMMANDS.items():
            subcommand.add_to(subparsers.add_parser(name, help=subcommand.help, description=subcommand.help))

    def handle(self, *args: Any, subcommand: str, **options: Any) -> None:
        SUBCOMMANDS[subcommand](self.stdout, self.stderr, options).run()
