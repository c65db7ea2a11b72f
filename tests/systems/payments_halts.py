"""Stops a payment at the point that its header ``X-Halt`` names, until the test's gate lets it go."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from testproject.payments import client
from tests.guarantee.gate import halt
from tests.guarantee.moments import before_commit

CLAIM = r"INSERT INTO idempotency_record "
ROW = r"INSERT INTO .payments_"
STORE = r"UPDATE idempotency_record SET state = 'completed'"

BEFORE_THE_CALL = "before the call"
AFTER_THE_ANSWER = "after the provider's answer"
# Around a statement of the request: before it, after it, or once the transaction that it is part of is committed.
STATEMENTS = {
    "after the claim, before its commit": (CLAIM, "after"),
    "after the claim's commit": (CLAIM, "committed"),
    "after the row": (ROW, "after"),
    "before the store": (STORE, "before"),
    "after the store, before its commit": (STORE, "after"),
    "after the store's commit": (STORE, "committed"),
}
POINTS = ("before the claim", *STATEMENTS, BEFORE_THE_CALL, AFTER_THE_ANSWER)

Stop = Callable[[], None]

# What stops the request at hand, where it is about the call.
stops: ContextVar[dict[str, Stop] | None] = ContextVar("stops", default=None)
charge = client.charge


def charge_with_stops(*args: Any, **kwargs: Any) -> client.Charge:
    """Stand in for the call."""
    at = stops.get() or {}
    at.get(BEFORE_THE_CALL, nothing)()
    try:
        return charge(*args, **kwargs)
    finally:
        at.get(AFTER_THE_ANSWER, nothing)()


def nothing() -> None:
    """Stop nowhere."""


class HaltMiddleware:
    """Innermost, so that a point before the claim is right before the view."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        client.charge = charge_with_stops

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        point = request.headers.get("X-Halt")
        if point is None:
            return self.get_response(request)
        stop = partial(halt, request)
        if point == "before the claim":
            stop()
        token = stops.set({point: stop})
        try:
            with connection.execute_wrapper(At(point, stop)):
                return self.get_response(request)
        finally:
            stops.reset(token)


class At:
    """Stops at a statement."""

    def __init__(self, point: str, stop: Stop) -> None:
        self.pattern, self.when = STATEMENTS.get(point, ("(?!)", ""))
        self.stop = stop

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not re.search(self.pattern, " ".join(sql.split())):
            return execute(sql, params, many, context)
        if self.when == "after":
            return before_commit(self.stop, execute, sql, params, many, context)
        if self.when == "before":
            self.stop()
        result = execute(sql, params, many, context)
        if self.when == "committed":
            transaction.on_commit(self.stop)
        return result
