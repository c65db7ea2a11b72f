"""``manage.py idempotency list``: the newest records, and those in trouble."""

from typing import Any

from django.core.management.base import CommandParser
from django.db.models import Q

from ...choices import Mode
from ...claims.clock import Clock
from ...exceptions import ScopeRequired
from ...lookups import (
    COMPLETED,
    EXPIRED,
    IN_FLIGHT,
    UNKNOWN,
    UNSETTLED,
    WINDOW,
    newest,
    outcome,
    outcomes,
    within,
)
from ...models import IdempotencyRecord
from ...tombstones import Records
from .base import MISUSED, SHORT, Subcommand, interval, positive

STATES = {
    "in_progress": UNSETTLED & IN_FLIGHT,
    "unknown": UNSETTLED & UNKNOWN,
    "completed": COMPLETED & ~EXPIRED,
    "expired": EXPIRED,
}
# They have an index of their own.
FEW = ("in_progress", "unknown")


class List(Subcommand):
    help = (
        "List records, newest first; never a key, and never what was answered. Quick on any number of them: what is in "
        f"progress or unknown is found through an index, and other conditions are looked for in the newest {WINDOW} "
        "records, within the age or the scope that is asked for."
    )

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        parser.add_argument("--state", choices=STATES, help="A lease that has lapsed is unknown.")
        parser.add_argument("--mode", choices=list(Mode))
        parser.add_argument("--endpoint", help="Such as 'POST orders'.")
        parser.add_argument("--scope", help="As the scope function says it.")
        parser.add_argument("--older-than", type=interval, metavar="AGE", help="Such as 90s, 10m, 1h or 7d.")
        parser.add_argument("--newer-than", type=interval, metavar="AGE", help="Such as 90s, 10m, 1h or 7d.")
        parser.add_argument("--limit", type=positive, default=50, help="At most so many (50).")

    # Whether there are records that were not looked at.
    bounded = False

    def run(self) -> None:
        # Both backwards: on MariaDB the index is in this order.
        records = outcomes(self._chosen()).order_by("-created_at", "-pk")
        limit = self.options["limit"]
        found = list(records[: limit + 1])
        shown = [_shown(record) for record in found[:limit]]
        self.print(shown, *map(_line, shown))
        if len(found) > limit:
            self.stderr.write(f"There are more than {limit}; --limit shows them.")
        elif self.bounded:
            self.stderr.write(
                f"Only the newest {WINDOW} records were looked at; --older-than looks at others."
            )

    def _chosen(self) -> Records:
        records: Records = IdempotencyRecord.objects.using(self.alias)
        older, newer, scope = (self.options[name] for name in ("older_than", "newer_than", "scope"))
        if older is not None:
            records = records.filter(created_at__lt=Clock() - older)
        if newer is not None:
            records = records.filter(created_at__gt=Clock() - newer)
        if scope is not None:
            try:
                records = within(scope, records)
            except ScopeRequired as error:
                self.fail(str(error), MISUSED)
        conditions = self._conditions()
        if conditions and self.options["state"] not in FEW:
            every, records = records, newest(records)
            self.bounded = records is not every
        return records.filter(*conditions)

    def _conditions(self) -> list[Q]:
        state, mode, endpoint = (self.options[name] for name in ("state", "mode", "endpoint"))
        return [
            *([STATES[state]] if state else []),
            *([Q(mode=mode)] if mode else []),
            *([Q(endpoint=endpoint)] if endpoint else []),
        ]


def _shown(record: Any) -> dict[str, Any]:
    return {"id": record.pk, "scope": record.scope, **outcome(record), "expired": record.is_expired}


def _line(shown: dict[str, Any]) -> str:
    state = "expired" if shown["expired"] else shown["state"]
    status = shown["status"] or "-"
    return (
        f"{shown['id'][:SHORT]}  {shown['created_at'].isoformat(' ', 'seconds')}  {state:11}  {shown['mode']:6}  {status:3}  "
        f"{shown['endpoint']}  {shown['scope']}"
    )
