"""The checks of what the guarded routes ask of the project."""

from collections.abc import Iterator, Sequence
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections, router

from ..choices import Mode
from ..claims import claims_for
from ..conf import resolve, settings
from ..models import IdempotencyRecord
from ..places import around
from ..policy import IdempotencyPolicy
from ..routes import MARK, Route, routes
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
    policy = route.policy
    if policy is None:
        return
    name = f"The route {route.path}"
    if hasattr(getattr(route.owner, "dispatch", None), MARK) and (fault := around(route.owner)):
        yield error("E012", f"{name} is guarded around its dispatch(), and refuses each request. {fault}")
    yield from _absent(name, policy)
    alias = IdempotencyRecord.alias(policy)
    if alias not in connections:
        given = (
            f"{name} has a policy whose database is"
            if policy.database
            else f"The router keeps records of {name} on"
        )
        yield error("E007", f"{given} {alias!r}, and DATABASES has none.")
        return
    yield from _database(name, alias)
    yield from (
        _atomic(name, alias, route)
        if policy.mode is Mode.ATOMIC
        else _leased(name, alias, policy, route.view)
    )
    if policy.in_flight_wait >= settings().REQUEST_TIMEOUT:
        yield warning(
            "W010",
            f"{name} lets a duplicate wait for {policy.in_flight_wait:g} s, and a request may run for "
            f"{settings().REQUEST_TIMEOUT:g} s: the server would end it first.",
        )


def _absent(name: str, policy: IdempotencyPolicy) -> Iterator[CheckMessage]:
    for field in ("scope", "reconcile", "pointer", "renderer"):
        try:
            found = resolve(getattr(policy, field))
        except ImportError as fault:
            yield error("E007", f"{name} has a policy whose {field} cannot be imported. {fault}")
        else:
            if found is not None and not callable(found):
                yield error("E007", f"{name} has a policy whose {field} is not callable.")
            elif iscoroutinefunction(found):
                yield error("E007", f"{name} has a policy whose {field} is async: nothing awaits it.")
    for label in policy.follows:
        try:
            apps.get_model(label)
        except LookupError:
            yield error("E007", f"{name} has a policy that follows {label!r}, and there is no such model.")


def _database(name: str, alias: str) -> Iterator[CheckMessage]:
    try:
        claims_for(connections[alias].vendor)
    except ImproperlyConfigured as fault:
        yield error("E005", f"{name} keeps its records on {alias!r}. {fault}")
    if mirrored := connections[alias].settings_dict["TEST"]["MIRROR"]:
        yield error(
            "E006",
            f"{name} keeps its records on {alias!r}, which is a replica of {mirrored!r}, as its TEST MIRROR says: a "
            "claim there is seen by nobody.",
        )


def _atomic(name: str, alias: str, route: Route) -> Iterator[CheckMessage]:
    model = _model(route)
    written = DEFAULT_DB_ALIAS if model is None else router.db_for_write(model)
    if alias != written:
        yield warning(
            "W006",
            f"{name} keeps its records on {alias!r}, and its handler seems to write to {written!r}: in mode atomic only "
            "what is written where the records are is exactly once. Name that database in the policy, or use "
            "mode=Mode.LEASED.",
        )


def _model(route: Route) -> Any:
    """The model that a class says its view is about, as generic views have it; None where it says nothing."""
    given = getattr(route.view, "initkwargs", None) or getattr(route.view, "view_initkwargs", None) or {}

    def said(name: str) -> Any:
        return given.get(name, getattr(route.owner, name, None))

    meta = getattr(said("serializer_class"), "Meta", None)
    found = getattr(said("queryset"), "model", None) or getattr(meta, "model", None) or said("model")
    return found if hasattr(found, "_meta") else None


def _leased(name: str, alias: str, policy: IdempotencyPolicy, view: Any) -> Iterator[CheckMessage]:
    joined = connections[alias].settings_dict["ATOMIC_REQUESTS"]
    if joined and alias not in getattr(view, "_non_atomic_requests", ()):
        yield error(
            "E003",
            f"{name} is guarded in mode leased, whose claim is committed first, and ATOMIC_REQUESTS of {alias!r} puts "
            "it inside a transaction. Decorate the view with @transaction.non_atomic_requests; a class with "
            "@method_decorator(transaction.non_atomic_requests, name='dispatch').",
        )
    if policy.lease.total_seconds() <= settings().REQUEST_TIMEOUT:
        yield warning(
            "W005",
            f"{name} has a lease of {policy.lease.total_seconds():g} s, and a request may run for "
            f"{settings().REQUEST_TIMEOUT:g} s: a request that is still running could count as lost.",
        )
