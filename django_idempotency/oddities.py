"""What is odd about a guarded route: nothing that a check would call wrong, but what bites who has not thought of it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .choices import Mode, Unknown
from .conf import resolve, settings
from .keys import Derived
from .policy import IdempotencyPolicy
from .routes import Route
from .scopes import everyone


class Oddity(NamedTuple):
    """
    One of them.

    Attributes:
        code: stable, for machines.
        text: a sentence, for people.
    """

    code: str
    text: str


def oddities(route: Route, guarded: Iterable[Route]) -> Iterator[Oddity]:
    """
    What is odd about a route.

    Args:
        guarded: all that are guarded.
    """
    if route.policy is None:
        if not route.certain:
            yield Oddity(
                "methods_unknown",
                "Nobody can tell which methods it accepts: @require_GET or @require_http_methods would say so.",
            )
        return
    yield from _about_the_view(route, route.policy)
    if route.is_guarded:
        yield from _about_keys(route, route.policy, guarded)
        yield from _about_outcomes(route, route.policy)


def _about_the_view(route: Route, policy: IdempotencyPolicy) -> Iterator[Oddity]:
    if not route.is_guarded:
        yield Oddity("method_not_guarded", f"Its policy guards {', '.join(policy.methods)} only.")
    if route.chooses:
        yield Oddity(
            "policy_by_request", "It chooses its policy by the request: this one may not be the one."
        )
    if route.is_guarded and route.is_marked_exempt:
        yield Oddity("exempt_but_guarded", "It is marked as exempt, and guarded all the same.")


def _about_keys(route: Route, policy: IdempotencyPolicy, guarded: Iterable[Route]) -> Iterator[Oddity]:
    if not policy.required and not any(isinstance(source, Derived) for source in policy.keys):
        yield Oddity("key_optional", "A request without a key runs unguarded, and so does its retry.")
    if resolve(policy.scope or settings().SCOPE) is everyone:
        yield Oddity("scope_everyone", "All callers share their keys: whoever knows one gets its answer.")
    if not route.name and policy.endpoint is None:
        yield Oddity(
            "unnamed_route",
            "The route has no name, so its URL pattern is its endpoint's: when that changes, used keys run again.",
        )
    others = [other for other in guarded if _same_keys(route, other)]
    if others and policy.endpoint_in_key:
        names = ", ".join(dict.fromkeys(f"{other.method} {other.path}" for other in others))
        yield Oddity("shared_endpoint", f"Its endpoint has the name {route.endpoint!r}, and so has {names}.")


def _about_outcomes(route: Route, policy: IdempotencyPolicy) -> Iterator[Oddity]:
    if policy.in_flight_wait:
        yield Oddity(
            "waits", f"A duplicate in flight holds its worker for up to {policy.in_flight_wait:g} s."
        )
    if policy.mode is Mode.LEASED and policy.on_unknown is Unknown.RETRY:
        yield Oddity(
            "at_least_once", "A request whose worker was lost runs again, whatever it has done outside."
        )
    if policy.mode is Mode.LEASED and any(
        handler.__module__.startswith("rest_framework.") for handler in route.handlers
    ):
        yield Oddity(
            "raises",
            "Its handler is DRF's own, which raises what it answers with 400, 403 and 404: each leaves its key unknown.",
        )
    if policy.lifetime is None:
        yield Oddity("for_ever", "Its records never expire; only those of deleted objects are ever purged.")


def _same_keys(route: Route, other: Route) -> bool:
    """Whether they are two operations under one name."""
    if other.endpoint != route.endpoint or other.policy is None or not other.policy.endpoint_in_key:
        return False
    # One operation may have several paths, such as those of DRF's format suffixes.
    return (other.view, other.method) != (route.view, route.method)
