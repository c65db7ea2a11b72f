"""The checks of what the guarded routes ask of the project."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router

from ..choices import Mode
from ..conf import settings
from ..models import IdempotencyRecord
from ..policy import IdempotencyPolicy
from ..routes import Route, routes
from .messages import error, warning
from .settings import check_settings


@register(Tags.urls)
def check_routes(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """What the guarded routes ask of the project."""
    return [found for route in guarded_routes() for found in faults(route)]


def guarded_routes() -> list[Route]:
    """One for each path and policy; none where the settings are wrong to begin with, or there are no routes."""
    wrong = any(found.is_serious() for found in check_settings(None))
    if wrong or not getattr(django_settings, "ROOT_URLCONF", None):
        return []
    guarded = {
        (route.route, route.policy): route
        for route in routes("POST", "PATCH", "PUT", "DELETE")
        if route.is_guarded
    }
    return list(guarded.values())


def faults(route: Route) -> Iterator[CheckMessage]:
    """What is wrong with one guarded route."""
    if route.policy is not None:
        rule = _atomic if route.policy.mode is Mode.ATOMIC else _leased
        yield from rule(f"The route {route.path}", route.policy, route.view)


def _atomic(name: str, policy: IdempotencyPolicy, view: Any) -> Iterator[CheckMessage]:
    alias = IdempotencyRecord.alias(policy)
    if alias != router.db_for_write(IdempotencyRecord):
        yield warning(
            "W006",
            f"{name} keeps its records on {alias!r}: in mode atomic only what its handler writes to that database "
            "is exactly once. If it writes elsewhere, it needs mode=Mode.LEASED.",
        )


def _leased(name: str, policy: IdempotencyPolicy, view: Any) -> Iterator[CheckMessage]:
    alias = IdempotencyRecord.alias(policy)
    joined = connections[alias].settings_dict["ATOMIC_REQUESTS"]
    if joined and alias not in getattr(view, "_non_atomic_requests", ()):
        yield error(
            "E003",
            f"{name} is guarded in mode leased, whose claim is committed first, and ATOMIC_REQUESTS of {alias!r} puts "
            "it inside a transaction. Decorate the view with @transaction.non_atomic_requests.",
        )
    if policy.lease.total_seconds() <= settings().REQUEST_TIMEOUT:
        yield warning(
            "W005",
            f"{name} has a lease of {policy.lease.total_seconds():g} s, and a request may run for "
            f"{settings().REQUEST_TIMEOUT:g} s: a request that is still running could count as lost.",
        )
