"""``manage.py idempotency erase``: all that one scope has left."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from ...erasure import Erased, erase
from ...exceptions import ScopeRequired
from .base import LEFT, MISUSED, Subcommand, number, positive
from .progress import progress


class Erase(Subcommand):
    help = "Remove all records of one scope, and the audit lines about them."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        parser.add_argument("--scope", required=True, help="As the scope function says it.")
        parser.add_argument(
            "--also-unknown", action="store_true", help="Also those whose outcome is unknown."
        )
        parser.add_argument("--batch", type=positive, default=500, help="Rows per transaction (500).")
        parser.add_argument("--dry-run", action="store_true", help="Count; remove nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def run(self) -> None:
        if self.options["dry_run"]:
            self._end(self._erase(dry_run=True), "Would remove")
            return
        self.confirm(self._question, "Nothing was removed.")
        with progress(self.stderr, self._due) as advance:

            def tell(erased: Erased) -> None:
                if advance is not None:
                    advance(erased.records + erased.audit_lines, _words(erased))

            erased = self._erase(progress=tell)
        self._end(erased, "Removed")

    def _erase(self, **how: Any) -> Erased:
        chosen: dict[str, Any] = {
            name: self.options[name] for name in ("scope", "database", "batch", "also_unknown")
        }
        try:
            return erase(**chosen, **how)
        except ScopeRequired as error:
            self.fail(str(error), MISUSED)

    def _question(self) -> str:
        return f"This removes {_words(self._erase(dry_run=True))} of {self.options['scope']}."

    def _due(self) -> int:
        due = self._erase(dry_run=True)
        return due.records + due.audit_lines

    def _end(self, erased: Erased, verb: str) -> None:
        self.print(asdict(erased), f"{verb} {_words(erased)}.")
        if not any(asdict(erased).values()):
            self.stderr.write(
                f"Nothing has the scope {self.options['scope']}: `show` tells the one of a key."
            )
        if erased.in_flight or erased.unknown:
            self.fail(
                f"{number(erased.in_flight, 'record')} in flight and {erased.unknown} unknown are left. "
                "Wait for the former; resolve the latter, or say --also-unknown.",
                LEFT,
            )


def _words(erased: Erased) -> str:
    return f"{number(erased.records, 'record')} and {number(erased.audit_lines, 'audit line')}"
