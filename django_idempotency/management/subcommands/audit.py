"""``manage.py idempotency audit``: which routes are guarded, by what, and what is odd about them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from ...conf import settings
from ...protection import Status, Survey, Surveyed, survey
from .base import UNPROTECTED, Subcommand, add_json, number


class Audit(Subcommand):
    help = "Tell of each route that accepts POST or PATCH whether it is guarded, by which policy, and what is odd."

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        add_json(parser)  # and no more of what all others have: it opens no database
        parser.add_argument(
            "--fail-on-unprotected",
            action="store_true",
            help=f"End with status {UNPROTECTED} where a route has neither a guard nor an exemption.",
        )
        parser.add_argument(
            "--exempt",
            action="append",
            default=[],
            metavar="PATTERN",
            help="A path, the name of a route or the dotted name of a view, with * for anything, which needs no "
            "guard; in addition to the setting EXEMPT. May be repeated.",
        )

    def run(self) -> None:
        found = survey(self.options["exempt"])
        self.print([_shown(each) for each in found.routes], *_lines(found))
        if not settings().ENABLED:
            self.stderr.write('IDEMPOTENCY["ENABLED"] is off: until it is on again, none of this is guarded.')
        for pattern in found.idle:
            self.stderr.write(f"There is no route for {pattern!r} to exempt.")
        unprotected = found.of(Status.UNPROTECTED)
        if unprotected and self.options["fail_on_unprotected"]:
            names = "".join(f"\n  {each.route.method} {each.route.path}" for each in unprotected)
            self.fail(
                f"{number(len(unprotected), 'route')} without a guard:{names}\n"
                "Guard them, or exempt them: by @idempotency_exempt, the setting EXEMPT, or --exempt.",
                UNPROTECTED,
            )


def _shown(each: Surveyed) -> dict[str, Any]:
    route, policy = each.route, each.route.policy
    return {
        "method": route.method,
        "path": route.path,
        "name": route.space + route.name if route.name else None,
        "view": route.dotted,
        "status": each.status.value,
        "exempt_by": each.exempt_by,
        "endpoint": route.endpoint if route.is_guarded else None,
        "policy": each.policy,
        "policy_of_settings": policy is not None and not route.own,
        "mode": None if policy is None else policy.mode,
        "odd": {oddity.code: oddity.text for oddity in each.odd},
    }


def _lines(found: Survey) -> Iterator[str]:
    for each in found.routes:
        if each.status is Status.EXEMPT:  # an admin has hundreds
            continue
        route = each.route
        yield f"{each.status.value:12}{route.method:6}{route.path}"
        yield f"{'':12}{route.dotted}{f' ({_guard(each)})' if each.policy else ''}"
        for oddity in each.odd:
            yield f"{'':12}- {oddity.text}"
    for way, count in Counter(each.exempt_by for each in found.of(Status.EXEMPT)).items():
        yield f"{'exempt':12}{number(count, 'route')} by {way}"
    counts = (f"{len(found.of(status))} {status.value}" for status in Status)
    yield f"{number(len(found.routes), 'route')}: {', '.join(counts)}."


def _guard(each: Surveyed) -> str:
    settings = "" if each.route.own else ", of the settings"
    return f"{each.policy}, {each.route.policy.mode}{settings}" if each.route.policy else ""
