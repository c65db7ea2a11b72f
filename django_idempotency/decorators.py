"""The face for functions: any Django view, sync or async, and DRF's `@api_view`."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, overload

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from .choices import Mismatch
from .conf import resolve, settings
from .deletions import follow
from .exceptions import PolicyError
from .http import BeforeReplay, Hooks, HttpCall, Redact, ValidateReplay, answer, check_hooks
from .places import AROUND_DRF, refuse
from .policy import IdempotencyPolicy
from .routes import EXEMPT, MARK

View = TypeVar("View", bound=Callable[..., Any])
Exempt = TypeVar("Exempt")


@overload
def idempotent(view: View, /) -> View: ...


@overload
def idempotent(
    policy: IdempotencyPolicy | None = None,
    /,
    *,
    before_replay: BeforeReplay | None = None,
    validate_replay: ValidateReplay | None = None,
    redact: Redact | None = None,
) -> Callable[[View], View]: ...


def idempotent(
    first: Any = None,
    /,
    *,
    before_replay: BeforeReplay | None = None,
    validate_replay: ValidateReplay | None = None,
    redact: Redact | None = None,
) -> Any:
    """
    Make a view idempotent: `@idempotent`, or `@idempotent(POLICY, ...)`; on classes through `method_decorator`.

    It stands under whatever authenticates and authorizes (`@login_required`, `@api_view`): what is above it
    runs before each replay, what is below it does not.

    Args:
        before_replay: (request, record); called before a stored response is handed out, raises to refuse.
        validate_replay: (request); for policies that validate a differing body first.
        redact: (request, body) -> the bytes that are stored, and replayed, in place of a response's body.

    Raises:
        PolicyError: the policy asks for a hook that is missing.
        TypeError: it was put on something that it cannot guard.
    """
    policy = None if callable(first) else first
    if first is IdempotencyPolicy or not isinstance(policy, IdempotencyPolicy | None):
        raise TypeError(f"@idempotent takes a view or an IdempotencyPolicy(...), not {first!r}.")
    if policy is not None and policy.on_mismatch is Mismatch.VALIDATE and validate_replay is None:
        raise PolicyError("on_mismatch=VALIDATE needs @idempotent(policy, validate_replay=...).")

    hooks = Hooks(before_replay, validate_replay, redact)
    check_hooks("@idempotent", **hooks._asdict())

    def serve(arguments: tuple[Any, ...], handler: Callable[[], Any]) -> Any:
        rules: IdempotencyPolicy = policy or resolve(settings().POLICY)
        request = _request(arguments)
        if isinstance(request, HttpRequest):
            return answer(HttpCall(request, rules, handler, hooks))
        from . import drf  # this is a DRF request, so DRF is there

        view = request.parser_context["view"]

        def run(*args: Any, **kwargs: Any) -> Any:  # for `finalize_response`: the handler has its own
            return handler()

        return drf.guard(view, rules, run, hooks, request, *view.args, **view.kwargs)

    def decorate(view: Any) -> Any:
        refuse(view)
        follow(policy)
        wrapped = _wrap(view, serve)
        setattr(wrapped, MARK, policy)
        return wrapped

    return decorate(first) if callable(first) else decorate


def idempotency_exempt(view: Exempt, /) -> Exempt:
    """
    Mark what needs no guard, for `manage.py idempotency audit`; nothing changes when it runs.

    On a function, a class (and those that inherit from it), a handler, an action, or what `as_view()` returns.
    """
    setattr(view, EXEMPT, True)
    return view


def _wrap(view: Any, serve: Callable[[tuple[Any, ...], Callable[[], Any]], Any]) -> Any:
    if iscoroutinefunction(view):
        # Django has no asynchronous transactions: the guard holds one in a thread, the view runs on its loop.
        @wraps(view)
        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            handler = async_to_sync(view)
            return await sync_to_async(serve)(args, lambda: handler(*args, **kwargs))

        return asynchronous

    @wraps(view)
    def synchronous(*args: Any, **kwargs: Any) -> Any:
        return serve(args, lambda: view(*args, **kwargs))

    return synchronous


def _request(arguments: tuple[Any, ...]) -> Any:
    """The request among a view's arguments: the first of a function, the second of a method."""
    for argument in arguments[:2]:
        if isinstance(argument, HttpRequest):
            if hasattr(arguments[0], "initialize_request"):
                raise ImproperlyConfigured(AROUND_DRF)
            return argument
        if "rest_framework" in sys.modules and hasattr(argument, "parser_context"):
            return argument
    raise TypeError("@idempotent guards views: functions of a request, or methods of a request.")
