"""The routes of the project, and which of them are guarded by what."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver
from django.urls import resolve as resolve_path

from .conf import resolve, settings
from .identity import endpoint_name
from .policy import IdempotencyPolicy

# Set on a guarded function by `@idempotent`: its policy, or None for the settings'.
MARK = "idempotency_policy"
# Set by `@idempotency_exempt`.
EXEMPT = "idempotency_exempt"
# Overridden by views whose policy depends on the request.
CHOOSES = "get_idempotency_policy"


@dataclass(frozen=True, slots=True)
class Route:
    """
    One route for one method.

    Attributes:
        route: as the URLconf writes it, from the root on.
        space: its namespaces, each with its colon.
        name: empty where it has none.
        certain: whether it is known to accept the method; of many plain functions nobody knows.
        policy: what guards the view, whichever methods that guards; None where nothing does.
        own: whether the view names the policy; else it is the settings'.
    """

    method: str
    route: str
    space: str
    name: str
    view: Any
    certain: bool
    policy: IdempotencyPolicy | None
    own: bool

    @property
    def is_guarded(self) -> bool:
        return self.policy is not None and self.policy.guards(self.method)

    @property
    def is_marked_exempt(self) -> bool:
        """By `@idempotency_exempt`, on the view, its class or its handler."""
        return any(getattr(each, EXEMPT, False) for each in (self.view, self.owner, *self.handlers))

    @property
    def owner(self) -> Any:
        """The class of the view; None of a function."""
        return _class(self.view)

    @property
    def chooses(self) -> bool:
        """Whether the view chooses its policy by the request, so that this one may not be the one."""
        return chooses(self.owner)

    @property
    def handlers(self) -> tuple[Any, ...]:
        """What handles it in the view's class, from the outside in."""
        return _handlers(self.view, self.method)

    @property
    def path(self) -> str:
        """As people write it: `/orders/<pk>/`."""
        # DRF's schemas rely on this function as well. Django's admin need not be installed for it.
        from django.contrib.admindocs.views import simplify_regex

        return str(simplify_regex(self.route)).replace("\\.", ".")  # of DRF's format suffixes

    @property
    def endpoint(self) -> str:
        """As its records name it."""
        given = self.policy.endpoint if self.policy else None
        return given or endpoint_name(self.method, self.space + self.name if self.name else self.route)

    @property
    def dotted(self) -> str:
        """The view, as one would import it."""
        view = self.owner or self.view
        view = view if hasattr(view, "__qualname__") else type(view)
        return f"{view.__module__}.{view.__qualname__}"


def routes(*methods: str) -> Iterator[Route]:
    """All routes of the URLconf that accept one of the methods, or may."""
    for route, space, name, view in _views(get_resolver(), "", ""):
        for method in methods:
            accepts = _accepts(view, method)
            if accepts is not False:
                own = _own(view, method)
                yield Route(
                    method, route, space, name, view, accepts is True, _policy(own), own is not DEFAULT
                )


def route_to(path: str, method: str) -> Route | None:
    """The route that a path leads to; None where nothing takes the method there."""
    try:
        view = resolve_path(path).func
    except Resolver404:
        return None
    return next((route for route in routes(method) if route.view is view), None)


def policy_of(endpoint: str) -> IdempotencyPolicy | None:
    """The policy that guards an endpoint now, by the name that its records have; None where no route has it."""
    guarded = (route for route in routes("POST", "PATCH", "PUT", "DELETE") if route.is_guarded)
    return next((route.policy for route in guarded if route.endpoint == endpoint), None)


def guard_of(view: Any, method: str) -> IdempotencyPolicy | None:
    """What guards a view as a URLconf holds it, whichever methods that guards; None where nothing does."""
    return _policy(_own(view, method))


def chooses(owner: Any) -> bool:
    """Whether a view class chooses its policy by the request."""
    method = getattr(owner, CHOOSES, None)
    return method is not None and method.__module__ != f"{__package__}.mixins"


def _views(resolver: Any, route: str, space: str) -> Iterator[tuple[str, str, str, Any]]:
    for pattern in resolver.url_patterns:
        text = str(pattern.pattern)
        joined = route + (text.removeprefix("^") if route else text)  # like ResolverMatch.route
        if isinstance(pattern, URLResolver):
            yield from _views(pattern, joined, f"{space}{pattern.namespace}:" if pattern.namespace else space)
        elif isinstance(pattern, URLPattern):
            yield joined, space, pattern.name or "", pattern.callback


def _accepts(view: Any, method: str) -> bool | None:
    """None: nobody knows."""
    owner = _class(view)
    if owner is None:
        allowed = _allowed(view)
        return None if allowed is None else method in allowed
    initial = getattr(view, "initkwargs", None) or getattr(view, "view_initkwargs", {})
    names = initial.get("http_method_names") or owner.http_method_names
    return method.lower() in names and bool(_handlers(view, method))


def _allowed(view: Any) -> Any:
    """The methods that `@require_http_methods` or its kind lets through, somewhere around a function."""
    while view is not None:
        allowed = _closed_over(view, "request_method_list")
        if allowed is not None:
            return allowed
        view = getattr(view, "__wrapped__", None)
    return None


def _handlers(view: Any, method: str) -> tuple[Any, ...]:
    owner, name = _class(view), method.lower()
    actions = getattr(view, "actions", None)  # of a ViewSet: method -> the name of its handler
    handler = getattr(owner, name if actions is None else actions.get(name, ""), None)
    if handler is None:
        return ()
    # `@api_view` makes a class whose handlers call the decorated function.
    inner = _closed_over(handler, "func")
    return (handler,) if inner is None else (handler, inner)


DEFAULT = object()


def _own(view: Any, method: str) -> Any:
    """The policy that the view names; DEFAULT where it names none, and None where it is not guarded."""
    owner = _class(view)
    if hasattr(owner, CHOOSES):
        named = view.initkwargs.get(MARK) if hasattr(view, "initkwargs") else None
        return named or getattr(owner, MARK, None) or DEFAULT
    for function in (view, *_handlers(view, method)):
        if hasattr(function, MARK):
            return getattr(function, MARK) or DEFAULT
    return None


def _policy(own: Any) -> IdempotencyPolicy | None:
    policy: IdempotencyPolicy | None = resolve(settings().POLICY) if own is DEFAULT else own
    return policy


def _closed_over(function: Any, name: str) -> Any:
    return inspect.getclosurevars(function).nonlocals.get(name) if inspect.isfunction(function) else None


def _class(view: Any) -> Any:
    return getattr(view, "cls", None) or getattr(view, "view_class", None)
