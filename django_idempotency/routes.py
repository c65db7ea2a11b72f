"""The routes of the project, and which of them are guarded by what."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from .conf import resolve, settings
from .policy import IdempotencyPolicy

# Set on a guarded function by `@idempotent`: its policy, or None for the settings'.
MARK = "idempotency_policy"


@dataclass(frozen=True, slots=True)
class Route:
    """
    One route for one method.

    Attributes:
        path: as the URLconf writes it, from the root on.
        policy: None where requests are not guarded.
    """

    method: str
    path: str
    view: Any
    policy: IdempotencyPolicy | None


def routes(*methods: str) -> Iterator[Route]:
    """All routes of the URLconf that accept one of the methods."""
    for path, view in _views(get_resolver(), ""):
        for method in methods:
            if _accepts(view, method):
                policy = _policy(view, method)
                guards = policy is not None and policy.guards(method)
                yield Route(method, path, view, policy if guards else None)


def _views(resolver: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, path)
        elif isinstance(pattern, URLPattern):
            yield path, pattern.callback


def _accepts(view: Any, method: str) -> bool:
    name = method.lower()
    actions = getattr(view, "actions", None)  # of a ViewSet: method -> the name of its handler
    if actions is not None:
        return name in actions
    owner = _class(view)
    # Of a plain function nobody knows what it accepts.
    return owner is None or (hasattr(owner, name) and name in owner.http_method_names)


def _policy(view: Any, method: str) -> IdempotencyPolicy | None:
    found = _mark(view, method)
    return found if isinstance(found, IdempotencyPolicy | None) else resolve(settings().POLICY)


def _mark(view: Any, method: str) -> Any:
    """The policy that the view names; DEFAULT where it names none, and None where it is not guarded."""
    owner = _class(view)
    if owner is None:
        return _marked(view)
    if hasattr(owner, "get_idempotency_policy"):
        named = view.initkwargs.get(MARK) if hasattr(view, "initkwargs") else None
        return named or getattr(owner, MARK, None) or DEFAULT
    name = (getattr(view, "actions", None) or {}).get(method.lower(), method.lower())
    handler = getattr(owner, name)
    # `@api_view` makes a class whose handlers call the decorated function.
    return _marked(handler) or _marked(inspect.getclosurevars(handler).nonlocals.get("func"))


DEFAULT = object()


def _marked(function: Any) -> Any:
    if not hasattr(function, MARK):
        return None
    return getattr(function, MARK) or DEFAULT


def _class(view: Any) -> Any:
    return getattr(view, "cls", None) or getattr(view, "view_class", None)
