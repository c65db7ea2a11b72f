"""The routes of all systems."""

from importlib import import_module

from django.urls import URLPattern, URLResolver, include, path, re_path

from testproject.systems.registry import systems
from testproject.systems.views import UnknownPath


def system_urlpatterns() -> list[URLPattern | URLResolver]:
    """Put each system's own routes under its prefix, and its own 404 behind them."""
    patterns: list[URLPattern | URLResolver] = []
    for system in systems():
        errors = import_module(f"{system.name}.policy").ERRORS
        patterns += [
            path(f"{system.prefix}/", include((f"{system.name}.urls", system.prefix))),
            re_path(f"^{system.prefix}(/|$)", UnknownPath.as_view(errors=errors)),
        ]
    return patterns
