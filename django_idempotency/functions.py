"""
The face for functions that are no views: what a management command calls, a tool of a model, a consumer of messages.

A call is claimed, run once and stored like a view's request.
"""

from collections.abc import Callable, Collection, Iterator
from functools import wraps
from inspect import signature
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from asgiref.sync import async_to_sync, iscoroutinefunction, sync_to_async

from .arguments import Arguments, bind, taking
from .choices import Mismatch
from .deletions import follow
from .exceptions import PolicyError
from .identity import ENDPOINT_LENGTH, shortened
from .invocations import Invocation, result
from .keys import Argument
from .policy import IdempotencyPolicy
from .presets import DEFAULT

Function = TypeVar("Function", bound=Callable[..., Any])
# Functions of those arguments that they name. A key as business data has it; None: this call has none.
KeyFunction: TypeAlias = Callable[..., str | int | UUID | None]
ScopeFunction: TypeAlias = Callable[..., str | None]

# The scope of what the project itself asks for.
SYSTEM = "system"


def idempotent_function(
    policy: IdempotencyPolicy | None = None,
    /,
    *,
    key: KeyFunction,
    scope: ScopeFunction | str | None = None,
) -> Callable[[Function], Function]:
    """
    Make a function idempotent, sync or async: `@idempotent_function(key=lambda order: order)`.

    A second call with the key returns what the first one did, as its JSON says it; so does the first one. Refusals
    are raised, each an `IdempotencyError`. What the function raises is passed on, and nothing is stored.

    Args:
        policy: its rules; what they say of HTTP is not looked at. Without one, the default ones.
        key: of the arguments that it names: a text, a number or a UUID. None: this call has no key.
        scope: who shares a key, or a function like `key` that tells. Without one, "system": the project itself.
            Where keys come from users, say whose they are.

    Raises:
        PolicyError: the policy asks for what a function does not have.
        TypeError: `key` or `scope` asks for an argument that the function does not have.
    """

    def decorate(function: Function) -> Function:
        return guarded(function, Guard(function, policy, key, scope))

    return decorate


class Guard:
    """
    What stands before a guarded function.

    Attributes:
        parameters: of the function.
        policy: the rules, with the key and the scope in them.
        endpoint: the dotted name of the function, unless the policy gives one.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        policy: IdempotencyPolicy | None,
        key: KeyFunction,
        scope: ScopeFunction | str | None,
    ) -> None:
        self.parameters = signature(function)
        self.policy = _for_functions(policy or DEFAULT, key, scope, [*self.parameters.parameters])
        self.endpoint = self.policy.endpoint or fitting(f"{function.__module__}.{function.__qualname__}")
        follow(policy)

    def serve(self, run: Callable[[], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The result of a call with these arguments: what `run` returns, or what was returned before."""
        arguments = bind(self.parameters, args, kwargs)
        return result(Invocation(self.policy, self.endpoint, arguments, run))


def guarded(function: Function, guard: Guard) -> Function:
    """The function behind its guard; whoever inspects it finds the parameters that it had."""
    made: Any
    if iscoroutinefunction(function):
        # As for async views: the guard holds its transaction in a thread, the function runs on its caller's loop.
        @wraps(function)
        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            handler = async_to_sync(function)
            return await sync_to_async(guard.serve)(lambda: handler(*args, **kwargs), args, kwargs)

        made = asynchronous
    else:

        @wraps(function)
        def synchronous(*args: Any, **kwargs: Any) -> Any:
            return guard.serve(lambda: function(*args, **kwargs), args, kwargs)

        made = synchronous
    # Not all follow `__wrapped__`: Celery checks a message's arguments by this.
    made.__signature__ = guard.parameters
    return made  # type: ignore[no-any-return]  # to its callers, the function itself


def fitting(name: str) -> str:
    """The name of a function, as an endpoint."""
    return name if len(name) <= ENDPOINT_LENGTH else shortened(name)


def _for_functions(
    policy: IdempotencyPolicy, key: KeyFunction, scope: ScopeFunction | str | None, names: Collection[str]
) -> IdempotencyPolicy:
    """The policy by which the engine serves the calls."""
    if not isinstance(policy, IdempotencyPolicy):
        raise TypeError(f"A guarded function takes an IdempotencyPolicy, not {type(policy).__name__}.")
    if faults := [*_faults(policy, scope, names)]:
        raise PolicyError("This IdempotencyPolicy cannot be kept for a function: " + " ".join(faults))
    key_of = taking(key, names)
    return policy.but(
        keys=(Argument(lambda arguments: _text(key_of(arguments))),),
        methods=("POST",),
        scope=taking(scope, names) if callable(scope) else _constant(SYSTEM if scope is None else scope),
    )


def _faults(
    policy: IdempotencyPolicy, scope: ScopeFunction | str | None, names: Collection[str]
) -> Iterator[str]:
    if policy.scope is not None and scope is None:
        yield "scope is a function of a request: say scope=..., of the function's arguments."
    if policy.stored_errors:
        yield "stored_errors are statuses, and a function has none: what it raises frees the key."
    if policy.on_mismatch is Mismatch.VALIDATE:
        yield "on_mismatch=VALIDATE is for views."
    if policy.pointer is not None:
        yield "pointer is for views: a duplicate in flight raises InProgress."
    if unknown := [name for name in policy.fingerprint_fields if name not in names]:
        yield f"fingerprint_fields holds {unknown}, which are no arguments of it."


def _constant(text: str) -> Callable[[Arguments], str]:
    return lambda arguments: text


def _text(key: object) -> str | None:
    """A key, as it is stored."""
    if key is None or isinstance(key, str):
        return key
    if isinstance(key, int | UUID) and not isinstance(key, bool):
        return str(key)
    raise TypeError(f"A key is text, a number, a UUID or None, and not {type(key).__name__}.")
