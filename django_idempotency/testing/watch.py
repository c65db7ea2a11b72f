"""Watching one request: what the guard made of it, and what it left behind."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.core import mail
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..events import Event
from ..signals import request_answered
from .statements import Write, place, table_of, writes


@dataclass(slots=True)
class Seen:
    """
    What was seen of one request.

    Attributes:
        event: what the guard told of it last; None where it told nothing, for the request did not reach one.
        callbacks: the names of what was registered with `on_commit`.
        mails: their subjects.
    """

    response: Any = None
    event: Event | None = None
    writes: list[Write] = field(default_factory=list)
    callbacks: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str | None:
        """What the guard says that it did."""
        return None if self.event is None else self.event.outcome

    def hear(self, *, event: Event, **kwargs: Any) -> None:
        """Receive `request_answered`."""
        self.event = event

    def statement(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        """Stand around each statement, as `execute_wrapper` wants it."""
        connection = context["connection"]
        # Psycopg's own composed statements are no text yet.
        text = sql.as_string(connection.connection) if hasattr(sql, "as_string") else str(sql)
        if writes(text):
            self.writes.append(Write(connection.alias, table_of(text), text, place()))
        return execute(sql, params, many, context)


@contextmanager
def watch() -> Iterator[Seen]:
    """
    Watch what is done in this block, on every database of the project.

    Statements are seen that go through Django's cursors in the thread of the test, callbacks that go to Django's
    `on_commit`, and mail that Django's test environment keeps.
    """
    seen = Seen()
    # Django makes it when it sets up a test environment; without it mail is sent, and cannot be counted.
    outbox: list[Any] | None = getattr(mail, "outbox", None)
    if outbox is None:
        raise AssertionError(
            "Mail cannot be watched here: run this under Django's test runner or pytest-django, or call "
            "django.test.utils.setup_test_environment() first."
        )
    sent = len(outbox)
    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(seen.statement))
            # On the instance, for a callback that is registered outside a transaction runs at once and is kept nowhere.
            stack.enter_context(mock.patch.object(connection, "on_commit", _noting(connection, seen)))
        request_answered.connect(seen.hear, weak=False)
        stack.callback(request_answered.disconnect, seen.hear)
        yield seen
    seen.mails.extend(message.subject for message in outbox[sent:])


def _noting(connection: BaseDatabaseWrapper, seen: Seen) -> Callable[..., None]:
    """In place of a connection's `on_commit`: register, and note who asked for it."""
    register = connection.on_commit

    def on_commit(function: Callable[[], object], robust: bool = False) -> None:
        function_name = (
            f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
        )
        if not function_name.startswith("django_idempotency."):  # the guard's own, which looks for its COMMIT
            seen.callbacks.append(f"{function_name} ({place()})")
        register(function, robust)

    return on_commit
