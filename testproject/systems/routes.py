"""The routes of all systems."""

from importlib import import_module

from django.urls import URLPattern, URLResolver, include, path, re_path

from testproject.systems.registry import systems
from testproject.systems.views import KeyOutcome, UnknownPath


def system_urlpatterns() -> list[URLPattern | URLResolver]:
    """Put each system's own routes under its prefix, and its own 404 behind them."""
    patterns: list[URLPattern | URLResolver] = []
    for system in systems():
        unknown = UnknownPath.as_view(errors=import_module(f"{system.name}.policy").ERRORS)
        patterns += [
            # PostgreSQL takes no NUL in a text, so nothing with one in its name is ever there.
            re_path(rf"^{system.prefix}/[^\0]*\0", unknown),
            path(f"{system.prefix}/", include((f"{system.name}.urls", system.prefix))),
            re_path(f"^{system.prefix}(/|$)", unknown),
        ]
    return patterns


def outcome_urlpatterns() -> list[URLPattern]:
    """
    Tell what became of a key, in each system's words; outside of its prefix, which its own page rules.

    An organization that has used one key in several systems sees all of that: they share its scope.
    """
    return [
        path(
            f"outcomes/{system.prefix}/idempotency/<path:key>",
            KeyOutcome.as_view(idempotency_policy=import_module(f"{system.name}.policy").POLICY),
        )
        for system in systems()
    ]
