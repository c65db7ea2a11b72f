"""The routes of the project, and which of them are guarded by what."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from .conf import resolve, settings
from .identity import endpoint_name
from .policy import IdempotencyPolicy

# Set on a guarded function by `@idempotent`: its policy, or None for the settings'.
MARK = "idempotency_policy"
# Set by `@idempotency_exempt` on what is left unguarded on purpose.
EXEMPT = "idempotency_exempt"


@dataclass(frozen=True, slots=True)
class Route:
    """
    One route for one method.

    Attributes:
        path: as the URLconf writes it, from the root on.
        name: with its namespaces; empty where it has none.
        policy: None where requests are not guarded.
        exempt: whether the view says that this is meant.
    """

    method: str
    path: str
    name: str
    view: Any
    policy: IdempotencyPolicy | None
    exempt: bool

    @property
    def endpoint(self) -> str:
        """As the records of its requests have it."""
        return (self.policy and self.policy.endpoint) or endpoint_name(self.method, self.name or self.path)

    @property
    def is_function(self) -> bool:
        """Whether nobody knows which methods it accepts."""
        return _class(self.view) is None


def routes(*methods: str) -> Iterator[Route]:
    """All routes of the URLconf that accept one of the methods."""
    for path, name, view in _views(get_resolver(), "", ""):
        for method in methods:
            if _accepts(view, method):
                policy = _policy(view, method)
                guards = policy is not None and policy.guards(method)
                yield Route(method, path, name, view, policy if guards else None, _exempt(view, method))


def _views(resolver: Any, prefix: str, namespace: str) -> Iterator[tuple[str, str, Any]]:
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _views(pattern, path, inner)
        elif isinstance(pattern, URLPattern):
            yield path, f"{namespace}{pattern.name}" if pattern.name else "", pattern.callback


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
    return next(filter(None, map(_marked, _handlers(view, owner, method))), None)


DEFAULT = object()


def _handlers(view: Any, owner: Any, method: str) -> Iterator[Any]:
    """What answers a method of a class: its handler, and the function that `@api_view` has made that of."""
    name = (getattr(view, "actions", None) or {}).get(method.lower(), method.lower())
    handler = getattr(owner, name)
    yield handler
    if hasattr(handler, "__code__"):
        yield inspect.getclosurevars(handler).nonlocals.get("func")


def _exempt(view: Any, method: str) -> bool:
    owner = _class(view)
    said = [view] if owner is None else [view, owner, *_handlers(view, owner, method)]
    return any(getattr(each, EXEMPT, False) for each in said)


def _marked(function: Any) -> Any:
    if not hasattr(function, MARK):
        return None
    return getattr(function, MARK) or DEFAULT


def _class(view: Any) -> Any:
    return getattr(view, "cls", None) or getattr(view, "view_class", None)
