"""The one reader of the project's settings: the dict IDEMPOTENCY."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """IDEMPOTENCY, with its defaults. Names are those of the dict."""

    # False on incident days: every guarded view runs bare, as if it had no policy. A check warns.
    ENABLED: bool = True
    # Who shares a key, for policies that do not say: a function of the request, or its dotted path.
    SCOPE: Callable[[Any], str | None] | str = "django_idempotency.scopes.caller"
    # The policy of views that name none: an IdempotencyPolicy, or its dotted path.
    POLICY: Any = "django_idempotency.presets.DEFAULT"
    # Seconds that the server lets a request run; a lease must be longer. Gunicorn's default.
    REQUEST_TIMEOUT: float = 30.0
    # How long a tombstone answers `not_found`, where its policy gives no lifetime.
    TOMBSTONE_LIFETIME: timedelta = timedelta(days=30)
    # How refusals look, for policies that do not say: (problem, request) -> response, or its dotted path.
    RENDERER: Callable[[Any, Any], Any] | str = "django_idempotency.problems.render"
    # Whether requests are counted by hour and outcome, for the admin. None: yes, but not in a test run.
    COUNTS: bool | None = None
    # Fernet keys. The first encrypts stored bodies, each decrypts them. Empty: bodies are stored as they are.
    ENCRYPTION_KEYS: Sequence[str] = field(default=(), repr=False)
    # Routes that `manage.py idempotency audit` asks no guard of: patterns of a path, a route's name, or a view's
    # dotted name.
    EXEMPT: Sequence[str] = ()


NAMES = frozenset(each.name for each in fields(Settings))


@lru_cache(maxsize=1)
def settings() -> Settings:
    """
    The settings in force.

    Raises:
        ImproperlyConfigured: IDEMPOTENCY is no dict, or holds a name that does not exist.
    """
    # No variable holds the dict where an error leaves: error pages show variables, and there are keys in it.
    if fault := _fault():
        raise ImproperlyConfigured(fault)
    return Settings(**getattr(django_settings, "IDEMPOTENCY", {}))


def _fault() -> str | None:
    given = getattr(django_settings, "IDEMPOTENCY", {})
    if not isinstance(given, dict):
        return "IDEMPOTENCY must be a dict."
    unknown = sorted(str(name) for name in given if name not in NAMES)
    return (
        f"IDEMPOTENCY has no {', '.join(unknown)}; it knows {', '.join(sorted(NAMES))}." if unknown else None
    )


@lru_cache(maxsize=64)
def _imported(path: str) -> Any:
    return import_string(path)


def resolve(value: Any) -> Any:
    """An object, or what its dotted path names."""
    return _imported(value) if isinstance(value, str) else value


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "IDEMPOTENCY":
        settings.cache_clear()
        _imported.cache_clear()


setting_changed.connect(_forget)
