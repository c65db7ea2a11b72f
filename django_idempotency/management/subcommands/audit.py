"""``manage.py idempotency audit``: which routes are guarded, by what; and a status for CI, where one is not."""

from dataclasses import asdict

from django.core.management.base import CommandParser

from ...audits import Finding, audit
from .base import UNPROTECTED, Subcommand, number


class Audit(Subcommand):
    help = "List the routes that accept POST or PATCH, and say which are guarded, by what, and what is odd about it."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        parser.add_argument(
            "--fail-on-unprotected",
            action="store_true",
            help=f"End with status {UNPROTECTED} where a route is neither guarded nor exempt.",
        )
        parser.add_argument(
            "--exempt",
            action="append",
            default=[],
            metavar="PATTERN",
            help="Paths that are meant to be unguarded, such as /admin/*; beside those of the settings.",
        )

    def run(self) -> None:
        found = audit(self.options["exempt"])
        bare = [finding for finding in found if not finding.protected and not finding.exempt]
        exempt = [finding for finding in found if not finding.protected and finding.exempt]
        guarded = [finding for finding in found if finding.protected]
        self.print(
            [asdict(finding) | {"protected": finding.protected} for finding in found],
            *(line for finding in [*guarded, *bare] for line in _lines(finding)),
            f"{number(len(guarded), 'route')} guarded, {len(exempt)} exempt, {len(bare)} unprotected.",
        )
        if bare and self.options["fail_on_unprotected"]:
            names = ", ".join(f"{finding.method} {finding.path}" for finding in bare)
            self.fail(
                f"Unprotected: {names}. Guard them, or say that it is meant: with @idempotency_exempt, in "
                'IDEMPOTENCY["EXEMPT"], or with --exempt.',
                UNPROTECTED,
            )


def _lines(finding: Finding) -> list[str]:
    guard = f"{finding.policy}, {finding.mode}" if finding.protected else "UNPROTECTED"
    return [f"{finding.method:5} {finding.path}: {guard}", *(f"      {odd}" for odd in finding.odd)]
