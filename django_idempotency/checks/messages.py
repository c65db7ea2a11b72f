"""A message of a check: its id, and where it is written what to do."""

from django.core.checks import Error, Warning


def error(number: str, text: str) -> Error:
    """It cannot be right."""
    return Error(text, hint=_hint(number), id=f"django_idempotency.{number}")


def warning(number: str, text: str) -> Warning:
    """It bites, unless somebody has thought of it."""
    return Warning(text, hint=_hint(number), id=f"django_idempotency.{number}")


def _hint(number: str) -> str:
    return f"See docs/reference/checks.md#django_idempotency{number.lower()}."
