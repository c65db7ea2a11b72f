"""Which routes that change something are guarded, and which are not: what `manage.py idempotency audit` tells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from .checks.routes import faults
from .conf import settings
from .oddities import Oddity, oddities
from .origins import Origins
from .routes import Route, routes

METHODS = ("POST", "PATCH")
MARKED = "@idempotency_exempt"


class Status(Enum):
    """What is known of a route."""

    PROTECTED = "protected"
    # By the mark, or by a pattern.
    EXEMPT = "exempt"
    UNPROTECTED = "unprotected"


@dataclass(frozen=True, slots=True)
class Surveyed:
    """
    A route, and what is known of it.

    Attributes:
        policy: where it is written; None where there is none.
        exempt_by: the pattern, or the mark; None where it is not exempt.
    """

    route: Route
    status: Status
    policy: str | None
    exempt_by: str | None
    odd: tuple[Oddity, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """
    What is known of all of them.

    Attributes:
        idle: the patterns that fit no route without a guard: misspelt, or not needed any more.
    """

    routes: tuple[Surveyed, ...]
    idle: tuple[str, ...]

    def of(self, status: Status) -> list[Surveyed]:
        """Those of one status."""
        return [each for each in self.routes if each.status is status]


def survey(exempt: Sequence[str] = ()) -> Survey:
    """
    Look at all routes that accept POST or PATCH, or may.

    Args:
        exempt: patterns, in addition to IDEMPOTENCY["EXEMPT"].
    """
    patterns = (*settings().EXEMPT, *exempt)
    found = [route for route in routes(*METHODS) if _counts(route)]
    guarded = [route for route in found if route.is_guarded]
    origins = Origins()
    surveyed = tuple(_surveyed(route, guarded, patterns, origins) for route in found)
    bare = [route for route in found if not route.is_guarded]
    idle = tuple(pattern for pattern in patterns if not any(_fits(pattern, route) for route in bare))
    return Survey(surveyed, idle)


def _counts(route: Route) -> bool:
    """Whether to list it: of a view whose methods nobody knows, those that its policy guards; if it guards none, one."""
    policy = route.policy
    return (
        route.certain
        or route.is_guarded
        or (route.method == METHODS[0] and (policy is None or not any(map(policy.guards, METHODS))))
    )


def _surveyed(route: Route, guarded: list[Route], patterns: Sequence[str], origins: Origins) -> Surveyed:
    exempt_by = None if route.is_guarded else _exempt_by(route, patterns)
    if route.is_guarded:
        status = Status.PROTECTED
    else:
        status = Status.UNPROTECTED if exempt_by is None else Status.EXEMPT
    policy = None if route.policy is None else origins.of(route.policy)
    return Surveyed(route, status, policy, exempt_by, (*oddities(route, guarded), *_wrong(route)))


def _wrong(route: Route) -> Iterator[Oddity]:
    if route.is_guarded:
        for fault in faults(route):
            yield Oddity(str(fault.id), fault.msg)


def _exempt_by(route: Route, patterns: Sequence[str]) -> str | None:
    if route.is_marked_exempt:
        return MARKED
    return next((pattern for pattern in patterns if _fits(pattern, route)), None)


def _fits(pattern: str, route: Route) -> bool:
    names = (route.path, route.space + route.name, route.dotted)
    return any(fnmatchcase(name, pattern) for name in names)
