"""
Celery tasks, which are delivered at least once, and take effect once.

    @shared_task(bind=True, acks_late=True, reject_on_worker_lost=True)
    @idempotent_task(key=lambda order: order)
    def invoice(self, order): ...
"""

from collections.abc import Callable
from typing import Any, overload

from celery import Task, current_task
from celery.exceptions import Reject, Retry

from ..arguments import Arguments, bind, canonical
from ..exceptions import IdempotencyError, NothingHappened
from ..functions import Function, Guard, KeyFunction, ScopeFunction, fitting, guarded
from ..invocations import Invocation, result
from ..policy import IdempotencyPolicy
from ..problems import Problem

# Of a message: its key, for tasks that do not make one of their arguments.
HEADER = "idempotency_key"


@overload
def idempotent_task(function: Function, /) -> Function: ...


@overload
def idempotent_task(
    policy: IdempotencyPolicy | None = None,
    /,
    *,
    key: KeyFunction | None = None,
    scope: ScopeFunction | str | None = None,
) -> Callable[[Function], Function]: ...


def idempotent_task(
    first: Any = None,
    /,
    *,
    key: KeyFunction | None = None,
    scope: ScopeFunction | str | None = None,
) -> Any:
    """
    Make a task idempotent; it stands under `@shared_task` or `@app.task`, bound or not.

    As `idempotent_function`, except that a refusal which a later delivery may not meet, such as a duplicate of what is
    under way, is no failure: the message is sent again, `retry_after` seconds later, and takes none of the task's own
    retries. Called directly, and by `apply`, it raises the refusal.

    Args:
        key: without one, the message's header `idempotency_key`; without that, the id of the task, which is the same
            in each delivery, and another in each `delay()`.

    Raises:
        Exception: as `idempotent_function`.
    """

    def decorate(function: Function) -> Function:
        policy = None if callable(first) else first
        return guarded(function, TaskGuard(function, policy, key or _of_the_message, scope))

    return decorate(first) if callable(first) else decorate


class TaskGuard(Guard):
    """What stands before a guarded task. Its endpoint is the task's name, unless the policy gives one."""

    def serve(self, run: Callable[[], Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        arguments = bind(self.parameters, args, kwargs)
        task = args[0] if args and isinstance(args[0], Task) else _current()
        name = self.endpoint if task is None else self.policy.endpoint or fitting(task.name)
        try:
            return result(TaskInvocation(self.policy, name, arguments, run))
        except IdempotencyError as error:
            refused = error
        raise refused if task is None else _verdict(task, refused, self.policy)


class TaskInvocation(Invocation):
    """A call of a task; the task itself, where it is bound, is no argument that counts."""

    def data(self) -> Arguments:
        sent = {name: value for name, value in self.request.items() if not isinstance(value, Task)}
        return canonical(sent, self.policy.fingerprint_fields or sent)


def _current() -> Any:
    """The task whose message this process has taken last; None outside of tasks."""
    proxy: Any = current_task
    return proxy._get_current_object() if proxy else None


def _of_the_message() -> str | None:
    task = _current()
    if task is None:
        return None
    sent: str | None = (task.request.headers or {}).get(HEADER)
    return task.request.id if sent is None else sent


def _verdict(task: Any, refused: IdempotencyError, policy: IdempotencyPolicy) -> Exception:
    """
    What to raise for a refusal: itself, unless the message is to come again.

    Not by `task.retry`, which gives up after `max_retries`. A duplicate that gives up ends its message, and where a
    broker delivers again what is still under way, that is the message by which a crash of the first would be noticed.
    """
    request = task.request
    # What the task says by NothingHappened is for its own retries, or `autoretry_for`.
    if isinstance(refused, NothingHappened) or request.called_directly or request.is_eager:
        return refused
    seconds = Problem.of(refused, policy).retry_after
    if seconds is None:
        return refused
    again = task.signature_from_request(request, countdown=seconds, retries=request.retries)
    try:
        again.apply_async()
    except Exception as error:
        # The broker does not answer. Where it is acknowledged late, it has the message still.
        return Reject(error, requeue=True)
    return Retry(exc=refused, when=seconds, sig=again)  # type: ignore[arg-type]  # an int is Real
