"""What `release`, `resolve` and `expire` share: something is done to records by hand, by somebody, for a reason."""

import getpass
from abc import abstractmethod
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.db import transaction

from ...exceptions import ResolutionRefused
from ...lookups import outcome, outcomes, with_id
from ...models import IdempotencyRecord
from .base import LEFT, MISUSED, NOTHING, SHORT, Subcommand, digits, number

NAME_LENGTH = 255


class ByHand(Subcommand):
    """Done to each record by itself, if it still is what was seen; or refused, saying why."""

    # "release", "Released": for the sentences.
    verb: ClassVar[str]
    done: ClassVar[str]
    # What it means for the key.
    effect: str

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        cls.add_ids(parser)
        parser.add_argument("--why", required=True, help="Kept in the audit line: somebody will ask.")
        parser.add_argument(
            "--who", help="Kept in the audit line; os: and your user name, if you do not say."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done; change nothing.")
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    @classmethod
    def add_ids(cls, parser: CommandParser) -> None:
        """Add what names the records."""
        parser.add_argument("id", nargs="+", type=digits, metavar="ID", help="As list shows it.")

    def prepare(self, records: list[Any]) -> None:
        """Judge what was asked, before anybody is asked."""

    @abstractmethod
    def act(self, record: IdempotencyRecord, who: str, why: str) -> None:
        """
        Do it to one record, as it was seen.

        Raises:
            ResolutionRefused: it is not done.
        """

    def run(self) -> None:
        who, why = self._who(), self.options["why"].strip()
        if not why:
            self.fail("Say why: somebody will ask.", MISUSED)
        # Each once, however often it was named.
        records = list({record.pk: record for record in map(self._record, self.options["id"])}.values())
        self.prepare(records)
        if not self.options["dry_run"]:
            self.confirm(lambda: self._question(records), "Nothing was changed.")
        reasons = {record.pk: self._refusal(record, who, why) for record in records}
        self.print(
            [{"id": id, "done": reason is None, "reason": reason} for id, reason in reasons.items()],
            *(self._line(id, reason) for id, reason in reasons.items()),
        )
        if left := sum(reason is not None for reason in reasons.values()):
            self.fail(f"{number(left, 'record was', 'records were')} left alone.", LEFT)

    def _who(self) -> str:
        who: str | None = self.options["who"]
        if who is None:
            try:
                return f"os:{getpass.getuser()}"
            except (OSError, KeyError):  # a container's user, which has no name
                self.fail("This user has no name: say --who.", MISUSED)
        if not 0 < len(who.strip()) <= NAME_LENGTH:
            self.fail(f"Say in up to {NAME_LENGTH} characters who does it, or leave --who away.", MISUSED)
        return who.strip()

    def _record(self, begin: str) -> Any:
        """The one record whose id begins so, as it is seen now."""
        records = IdempotencyRecord.objects.using(self.alias).filter(with_id(begin))
        found = list(outcomes(records)[:2])
        if not found:
            self.fail(f"There is no record {begin}; nothing was changed.", NOTHING)
        if len(found) > 1:
            self.fail(f"More than one record begins with {begin}; nothing was changed.", MISUSED)
        return found[0]

    def _question(self, records: list[Any]) -> str:
        lines = (
            f"{record.pk[:SHORT]}  {_state(record)}  {record.endpoint}  {record.scope}" for record in records
        )
        return "\n".join(
            (*lines, f"{self.verb.capitalize()} {number(len(records), 'record')}: {self.effect}")
        )

    def _refusal(self, record: Any, who: str, why: str) -> str | None:
        """Do it, or see whether it could be done; why not, where it could not."""
        try:
            with transaction.atomic(self.alias):
                self.act(record, who, why)
                if self.options["dry_run"]:
                    transaction.set_rollback(True, self.alias)
        except ResolutionRefused as refused:
            return str(refused)
        return None

    def _line(self, id: str, reason: str | None) -> str:
        if reason is not None:
            return f"Left {id[:SHORT]}: {reason}"
        return f"Would {self.verb} {id[:SHORT]}." if self.options["dry_run"] else f"{self.done} {id[:SHORT]}."


def _state(record: Any) -> str:
    return "expired" if record.is_expired else str(outcome(record)["state"])
