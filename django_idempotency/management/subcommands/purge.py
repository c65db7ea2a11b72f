"""``manage.py idempotency purge``, for cron and for people."""

from dataclasses import asdict

from django.core.management.base import CommandParser

from ...lookups import EXPIRED
from ...models import IdempotencyRecord
from ...purge import REST, Purged, purge
from .base import Subcommand, add_bounds, number
from .progress import progress


class Purge(Subcommand):
    help = "Remove expired records, and empty those whose object was deleted."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        add_bounds(parser, rest=REST)
        parser.add_argument("--dry-run", action="store_true", help="Count what has expired; change nothing.")

    def run(self) -> None:
        if self.options["dry_run"]:
            expired = self._expired()
            self.print({"expired": expired}, f"Would remove {number(expired, 'expired record')}.")
            return
        with progress(self.stderr, self._expired) as advance:

            def tell(purged: Purged) -> None:
                if advance is not None:
                    advance(purged.expired, f"{number(purged.tombstones, 'tombstone')} made")

            purged = purge(**self.bounds, progress=tell)
        self.print(
            asdict(purged),
            f"Removed {number(purged.expired, 'expired record')}, and made {number(purged.tombstones, 'tombstone')}.",
            *(() if purged.finished else ("There is more: a bound was reached.",)),
        )

    def _expired(self) -> int:
        return IdempotencyRecord.objects.using(self.alias).filter(EXPIRED).count()
