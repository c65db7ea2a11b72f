"""Which of the project's routes are guarded, by what, and what is odd about that."""

import ast
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.db import connections

from .choices import Mode
from .conf import resolve, settings
from .keys import Derived
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .routes import Route, routes
from .scopes import everyone

METHODS = ("POST", "PATCH")


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What was found out about one route.

    Attributes:
        path: from the root on, as the URLconf writes it.
        endpoint: as the records of its requests have it.
        policy: the name of its policy; None where it is not guarded.
        mode: of the policy.
        exempt: whether it is left unguarded on purpose.
        odd: sentences, each about something that somebody should know.
    """

    method: str
    path: str
    endpoint: str
    policy: str | None
    mode: str | None
    exempt: bool
    odd: tuple[str, ...]

    @property
    def protected(self) -> bool:
        """Whether a retry is answered and not carried out again, where it brings a key."""
        return self.policy is not None


def audit(exempt: Iterable[str] = ()) -> list[Finding]:
    """
    Look at each route that accepts POST or PATCH.

    Args:
        exempt: patterns of paths that are left unguarded on purpose, beside those of IDEMPOTENCY["EXEMPT"].
    """
    patterns = (*settings().EXEMPT, *exempt)
    found = list(routes(*METHODS))
    names = _Names()
    sharing: dict[str, set[str]] = defaultdict(set)
    for route in found:
        if route.policy is not None:
            sharing[route.endpoint].add(f"/{route.path}")
    return [
        Finding(
            route.method,
            f"/{route.path}",
            route.endpoint,
            None if route.policy is None else names.of(route.policy, route.view),
            None if route.policy is None else route.policy.mode.value,
            route.exempt or any(fnmatchcase(f"/{route.path}", pattern) for pattern in patterns),
            tuple(_odd(route, sharing[route.endpoint])),
        )
        for route in found
    ]


def _odd(route: Route, sharing: set[str]) -> Iterator[str]:
    policy = route.policy
    if route.is_function and not route.exempt:
        yield "A function: nobody can tell whether it accepts this method."
    if policy is None:
        return
    if not policy.required and not any(isinstance(source, Derived) for source in policy.keys):
        yield "A request without a key runs unguarded."
    if not route.name and policy.endpoint is None:
        yield "The route has no name: when its path is changed, its keys are new ones."
    if others := sorted(sharing - {f"/{route.path}"}):
        yield f"It shares its keys with {', '.join(others)}, which has the same name."
    if resolve(policy.scope or settings().SCOPE) is everyone:
        yield "All callers share their keys: whoever knows one gets its answer."
    alias = IdempotencyRecord.alias(policy)
    joined = connections[alias].settings_dict["ATOMIC_REQUESTS"]
    if policy.mode is Mode.LEASED and joined and alias not in getattr(route.view, "_non_atomic_requests", ()):
        yield "ATOMIC_REQUESTS puts mode leased inside a transaction: each request is refused."


class _Names:
    """The names of policies: where a module of the project assigns them."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        for name, module in sorted(sys.modules.items()):
            for attribute, value in list(getattr(module, "__dict__", {}).items()):
                if isinstance(value, IdempotencyPolicy) and (
                    id(value) not in self._known or attribute in _assigned(module)
                ):
                    self._known[id(value)] = f"{name}.{attribute}"

    def of(self, policy: IdempotencyPolicy, view: Any) -> str:
        """Its name; or where it is written, for one that has none."""
        owner = getattr(view, "cls", None) or getattr(view, "view_class", None) or view
        return self._known.get(id(policy)) or f"in {owner.__module__}.{owner.__qualname__}"


def _assigned(module: Any) -> set[str]:
    """The names that a module assigns itself, and has not from another one."""
    try:
        body = ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError, SyntaxError):  # no source
        return set()
    targets = [
        target
        for each in body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}
