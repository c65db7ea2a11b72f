"""
Who shares a key: functions of the request, for a policy's `scope` or for IDEMPOTENCY["SCOPE"].

A scope is a text that names the caller, or None when there is nobody; nobody is refused.
"""

import hashlib
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Model

from .exceptions import ScopeRequired

logger = logging.getLogger("django_idempotency")

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
    A scope that is read off the request: `attribute("user.organization_id")`, which is written
    "user.organization_id:17".

    None, a blank text, an unsaved object, or a missing attribute anywhere along the path is nobody.

    Raises:
        TypeError: by the scope, of what is no text, number, UUID or object of a model: a method or a relation to many
            has a text too, and it is the same one for all callers.
    """

    def scope(request: Any) -> str | None:
        value = request
        for name in path.split("."):
            value = getattr(value, name, None)
        key = getattr(value, "pk", value)  # also of an AnonymousUser, who is no model and has none
        if key is None or key == "":
            return None
        if not isinstance(value, Model | str | int | UUID) or isinstance(value, bool):
            raise TypeError(
                f"attribute({path!r}) has found a {type(value).__name__}; only text, a whole number, a UUID or an object "
                "of a model can name a caller."
            )
        return f"{path}:{key}"

    scope.__qualname__ = f"attribute({path!r})"
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
        if getattr(getattr(request, "user", None), "is_authenticated", False):
            logger.warning("The scope %s finds nobody in a request of an authenticated user.", _called(scope))
        raise ScopeRequired(
            "Authenticate: an idempotency key belongs to a caller, and this request names none."
        )
    if not isinstance(name, str):
        raise TypeError(
            f"The scope {_called(scope)} returned a {type(name).__name__}. A scope is text or None: one for each caller, "
            "the same in each of their requests, such as str(user.pk)."
        )
    return name


def _called(scope: Scope) -> str:
    return getattr(scope, "__qualname__", type(scope).__qualname__)


def _named(instance: Any) -> str:
    meta = getattr(instance, "_meta", None)
    # The model's label keeps apart two kinds of callers whose ids are both 1.
    return f"{meta.label_lower if meta else 'user'}:{instance.pk}"
