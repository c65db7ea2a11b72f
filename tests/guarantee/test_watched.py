"""Whoever watches the statements of a process sees the guard's among them, whichever way it watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path

from django_idempotency import KeySyntax
from django_idempotency.decorators import idempotent
from tests.app.models import Effect
from tests.guarantee.desk import POLICY, assert_replays, effects, outside, post
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql")]

Seen = list[str]


@idempotent(POLICY.but(syntax=KeySyntax.LITERAL))
def pay(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"id": Effect.objects.create(label="paid").pk}, status=201)


urlpatterns = [path("pay/", pay)]


@contextmanager
def by_wrapper() -> Iterator[Seen]:
    """As Django documents it."""
    seen: Seen = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        assert context["cursor"].connection is connection.connection  # some ask the driver's cursor for more
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


@contextmanager
def by_log() -> Iterator[Seen]:
    """As `assertNumQueries` and DEBUG do."""
    seen: Seen = []
    with CaptureQueriesContext(connection) as queries:
        yield seen
    seen.extend(query["sql"] for query in queries)


@contextmanager
def by_patch() -> Iterator[Seen]:
    """As tracers do that replace the method of Django's cursors."""
    seen: Seen = []
    original = CursorWrapper.execute

    def execute(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        seen.append(sql)
        return original(self, sql, params)

    with patch.object(CursorWrapper, "execute", execute):
        yield seen


@contextmanager
def by_driver() -> Iterator[Seen]:
    """As tracers do that give the driver another kind of cursor."""
    from django.db.backends.postgresql import base

    seen: Seen = []
    plain: Any = base.Cursor

    class Traced(plain):
        def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append(query)
            return super().execute(query, *args, **kwargs)

    connection.ensure_connection()
    with patch.object(connection.connection, "cursor_factory", Traced):
        yield seen


@pytest.mark.parametrize("watching", [by_wrapper, by_log, by_patch, by_driver])
def test_a_watcher_sees_claim_and_record(
    database: Database, watching: Callable[[], AbstractContextManager[Seen]]
) -> None:
    """REQ 2: and the guarantee is the same."""
    with watching() as seen:
        first = post("/pay/")
    assert (first.status_code, effects(), outside(database)) == (201, 1, (1, 1))
    for statement in (
        "pg_try_advisory_xact_lock",
        "INSERT INTO app_effect",
        "INSERT INTO idempotency_record",
    ):
        assert sum(statement in sql.replace('"', "") for sql in seen) == 1
    assert_replays("/pay/", first)


@pytest.mark.parametrize("watching", [by_wrapper, by_patch])
def test_a_statement_holds_no_key(
    database: Database, watching: Callable[[], AbstractContextManager[Seen]]
) -> None:
    """REQ 23: what tracers send away is the text, whose values travel apart from it."""
    with watching() as seen:
        post("/pay/", "a-secret-key")
        post("/pay/", "a-secret-key")
    assert seen
    assert "a-secret-key" not in "".join(seen)


@pytest.mark.parametrize("key", ["it's", 'a "quoted" one', r"back\slash", "100 %s", "%", "$1; -- {}"])
def test_what_a_key_holds_is_a_value(database: Database, key: str) -> None:
    """REQ 4: whatever it looks like."""
    first = post("/pay/", key)
    again = post("/pay/", key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, outside(database)) == (first.content, (1, 1))
