"""
Who shares a key: functions of the request, for a policy's `scope` or for IDEMPOTENCY["SCOPE"].

A scope is a text that names the caller, or None when there is nobody; nobody is refused.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from django.db.models import Model

from .exceptions import ScopeRequired

Scope = Callable[[Any], str | None]


def caller(request: Any) -> str | None:
    """
    The authenticated user; without one, the API token that authenticated the request.

    The user comes first so that a rotated token does not make a retry a new request. A token that is no model
    instance enters as a hash, never as itself.
    """
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.pk is not None:
        return _named(user)
    token = getattr(request, "auth", None)
    if isinstance(token, Model) and token.pk is not None:
        return _named(token)
    if isinstance(token, str | bytes) and token:
        raw = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
        return f"token:{hashlib.sha256(raw).hexdigest()}"
    return None


def attribute(path: str) -> Scope:
    """
    A scope that is read off the request: `attribute("user.organization_id")`.

    None, a blank text, an unsaved object, or a missing attribute anywhere along the path is nobody.
    """

    def scope(request: Any) -> str | None:
        value = request
        for name in path.split("."):
            value = getattr(value, name, None)
        value = getattr(value, "pk", value)  # also of an AnonymousUser, who is no model and has none
        return None if value in (None, "") else f"{path}:{value}"

    return scope


def everyone(request: Any) -> str:
    """One scope for all callers: whoever knows a key gets its answer. Only for endpoints without secrets."""
    return "everyone"


def resolve(scope: Scope, request: Any) -> str:
    """
    Ask for the caller.

    Raises:
        ScopeRequired: nobody.
        TypeError: the function returned something else than text.
    """
    name: object = scope(request)
    if name is None:
        raise ScopeRequired(
            "Authenticate: an idempotency key belongs to a caller, and this request names none."
        )
    if not isinstance(name, str):
        raise TypeError(
            f"A scope is text or None, and not {type(name).__name__}: let the function return str(...)."
        )
    return name


def _named(instance: Any) -> str:
    meta = getattr(instance, "_meta", None)
    # The model's label keeps apart two kinds of callers whose ids are both 1.
    return f"{meta.label_lower if meta else 'user'}:{instance.pk}"
