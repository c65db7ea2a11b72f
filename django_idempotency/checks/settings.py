"""The checks of IDEMPOTENCY."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.checks import CheckMessage, Tags, register
from django.core.exceptions import ImproperlyConfigured

from ..ciphers import ring
from ..conf import Settings, resolve, settings
from ..policy import IdempotencyPolicy
from .messages import error, warning

# The types of the others, and how to say it.
TYPES: dict[str, tuple[Any, str]] = {
    "ENABLED": (bool, "True or False"),
    "REQUEST_TIMEOUT": (int | float, "a number of seconds"),
    "TOMBSTONE_LIFETIME": (timedelta, "a timedelta"),
    "COUNTS": (bool | None, "True, False or None"),
    "EXEMPT": (list | tuple, "a list of patterns"),
}


@register(Tags.compatibility)
def check_settings(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """IDEMPOTENCY can be read, and means what it says."""
    try:
        given = settings()
    except ImproperlyConfigured as fault:
        return [error("E001", str(fault))]
    return [*_paths(given), *_values(given)]


def _paths(given: Settings) -> Iterator[CheckMessage]:
    for name in ("SCOPE", "RENDERER", "POLICY"):
        value = getattr(given, name)
        try:
            found = resolve(value)
        except ImportError as fault:
            yield error("E002", f'IDEMPOTENCY["{name}"]: {fault}')
            continue
        if name == "POLICY" and not isinstance(found, IdempotencyPolicy):
            yield error("E002", 'IDEMPOTENCY["POLICY"] is no IdempotencyPolicy.')
        elif name != "POLICY" and not callable(found):
            yield error("E002", f'IDEMPOTENCY["{name}"] is not callable.')
        elif iscoroutinefunction(found):
            yield error("E002", f'IDEMPOTENCY["{name}"] is async: nothing awaits it.')


def _values(given: Settings) -> Iterator[CheckMessage]:
    for name, (types, meaning) in TYPES.items():
        if not isinstance(getattr(given, name), types):
            yield error("E002", f'IDEMPOTENCY["{name}"] must be {meaning}.')
    try:
        ring()
    except ImproperlyConfigured as fault:
        yield error("E004", str(fault))
    if given.ENABLED is False:
        yield warning(
            "W001", 'IDEMPOTENCY["ENABLED"] is off: no view is guarded, and every retry runs again.'
        )
