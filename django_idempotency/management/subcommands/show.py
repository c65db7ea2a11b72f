"""``manage.py idempotency show``: what became of a key, or of the key that made an object."""

from argparse import ArgumentTypeError
from functools import reduce
from operator import or_
from typing import Any

from django.core.management.base import CommandParser

from ...exceptions import ScopeRequired
from ...lookups import outcome, outcomes, with_id, with_key, within
from ...models import IdempotencyRecord
from ...tombstones import Records
from .base import MISUSED, NOTHING, Subcommand, digits, positive


class Show(Subcommand):
    help = "Show records: by id, by key, by scope, or by the object that was made. Never what was answered."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        super().add_to(parser)
        parser.add_argument("id", nargs="*", type=digits, metavar="ID", help="As list shows it.")
        parser.add_argument("--key", help="Of these records the key is shown as well.")
        parser.add_argument("--scope", help="As the scope function says it.")
        parser.add_argument("--resource", type=resource, metavar="TYPE:ID", help="Such as shop.order:17.")
        parser.add_argument("--endpoint", help="Only those of this endpoint.")
        parser.add_argument("--limit", type=positive, default=20, help="At most so many, newest first (20).")

    def run(self) -> None:
        records = self._chosen().order_by("-created_at", "pk")
        limit = self.options["limit"]
        found = list(outcomes(records)[: limit + 1])
        if not found:
            self.fail("There is no such record.", NOTHING)
        shown = [self._shown(record) for record in found[:limit]]
        self.print(shown, "\n\n".join("\n".join(_lines(each)) for each in shown))
        if len(found) > limit:
            self.stderr.write(f"There are more than {limit}; --limit shows them.")

    def _chosen(self) -> Records:
        ids, key, scope, made = (self.options[name] for name in ("id", "key", "scope", "resource"))
        if not ids and key is None and scope is None and made is None:
            # Each of these has an index; an endpoint has none.
            self.fail("Say which: an ID, --key, --scope or --resource.", MISUSED)
        records = IdempotencyRecord.objects.using(self.alias)
        if ids:
            records = records.filter(reduce(or_, map(with_id, ids)))
        if scope is not None:
            try:
                records = within(scope, records)
            except ScopeRequired as error:
                self.fail(str(error), MISUSED)
        if key is not None:
            records = with_key(key, records)
        if made is not None:
            records = records.filter(resource_type=made[0], resource_id=made[1])
        endpoint = self.options["endpoint"]
        return records if endpoint is None else records.filter(endpoint=endpoint)

    def _shown(self, record: Any) -> dict[str, Any]:
        # A key lets its caller have the answer: only who knows it sees it.
        key = {} if self.options["key"] is None else {"key": record.key}
        lease = {
            "attempt": record.attempt,
            "lease_expires_at": record.lease_expires_at,
            # By this a service that was called knows the request.
            "downstream_key": record.downstream_key(),
        }
        return {
            "id": record.pk,
            **key,
            "scope": record.scope,
            **outcome(record),
            "expired": record.is_expired,
            **(lease if record.mode == "leased" else {}),
        }


def resource(text: str) -> tuple[str, str]:
    """Read the label of a model and a primary key."""
    type, separator, id = text.partition(":")
    if not separator or not type or not id:
        raise ArgumentTypeError(f"{text!r} is no object such as shop.order:17")
    return type.lower(), id


def _lines(shown: dict[str, Any]) -> list[str]:
    made = shown["resource"]
    if made is not None:
        gone = f", deleted {made['deleted_at']}" if made["deleted_at"] else ""
        shown = {**shown, "resource": f"{made['type']}:{made['id']}{gone}"}
    return [f"{name + ':':18}{'-' if value is None else value}" for name, value in shown.items()]
