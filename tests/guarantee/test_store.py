"""The store of the records is not there, not ready, or not migrated."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import STRIPE, Mode, Problem
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.desk import POLICY, assert_unavailable, effects, post, records
from tests.guarantee.moments import end_session, session
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

RAN: list[str] = []


def work() -> dict[str, bool]:
    RAN.append("handler")
    Effect.objects.create(label="paid")
    return {"ok": True}


def decorated(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work(), status=201)


def terse(problem: Problem, request: Any) -> HttpResponse:
    return HttpResponse(f"{problem.status} {problem.code}", status=problem.status, content_type="text/plain")


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(), status=201)


urlpatterns = [
    path("decorated/", idempotent(POLICY)(decorated)),
    path("mixin/", Mixed.as_view()),
    path("leased/", idempotent(POLICY.but(mode=Mode.LEASED))(decorated)),
    path("terse/", idempotent(POLICY.but(renderer=terse, retry_after=7))(decorated)),
    path("stripe/", idempotent(STRIPE.but(scope=POLICY.scope))(decorated)),
]
FACES = ["/decorated/", "/mixin/", "/leased/"]


@pytest.fixture(autouse=True)
def _ran() -> None:
    RAN.clear()


@pytest.fixture
def unreachable(database: Database) -> None:
    """Nobody listens there; for SQLite, the file's folder does not exist."""
    if database.name == "sqlite":
        database.reconfigure(NAME="/nowhere/at/all.sqlite3", OPTIONS={"init_command": None})
        return
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and freed again: nobody listens on it
        port = taken.getsockname()[1]
    database.reconfigure(HOST="127.0.0.1", PORT=str(port), OPTIONS={"unix_socket": None})


@contextmanager
def renamed(table: str, column: str | None = None) -> Iterator[None]:
    """As if a migration had not run yet."""
    there, back = (f"COLUMN {column} TO", "COLUMN gone TO") if column else ("TO", "TO")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME {there} gone")
        try:
            yield
        finally:
            cursor.execute(f"ALTER TABLE {table if column else 'gone'} RENAME {back} {column or table}")


@pytest.mark.usefixtures("unreachable")
@pytest.mark.parametrize("face", FACES)
def test_an_unreachable_store_fails_closed(face: str) -> None:
    """REQ 24: When the store cannot be reached the answer is 503 with Retry-After, and the handler does not run."""
    assert_unavailable(post(face))
    assert not RAN


@pytest.mark.usefixtures("unreachable")
def test_the_refusal_is_in_the_format_of_the_policy() -> None:
    """REQ 24: The 503 looks as the policy's renderer wants it, with the policy's Retry-After."""
    mine, stripes = post("/terse/"), post("/stripe/")
    assert (mine.status_code, mine.content) == (503, b"503 idempotency_unavailable")
    assert (mine.headers["Retry-After"], mine.headers["Content-Type"]) == ("7", "text/plain")
    assert (stripes.status_code, stripes.headers["Stripe-Should-Retry"]) == (503, "true")
    assert b'"type": "idempotency_error"' in stripes.content
    assert not RAN


def youngest_column() -> str:
    """What a deployment lacks whose last migration of the records has not run."""
    migrations = MigrationLoader(None).disk_migrations
    added = [
        operation.name
        for place in sorted(migrations)
        for operation in migrations[place].operations
        if place[0] == "django_idempotency" and isinstance(operation, AddField)
        if operation.model_name_lower == IdempotencyRecord._meta.model_name
    ]
    return next(str(field.column) for field in IdempotencyRecord._meta.fields if field.name == added[-1])


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    "column", [None, youngest_column(), "fingerprint"], ids=["table", "youngest column", "old column"]
)
def test_a_missing_migration_does_not_look_like_an_outage(
    database: Database, face: str, column: str | None
) -> None:
    """REQ 24: Without the table (or a column of it) requests fail with 500, once and loudly: no retry can help."""
    with renamed("idempotency_record", column):
        response = post(face)
    assert response.status_code == 500
    assert "Retry-After" not in response.headers
    # Mode atomic on PostgreSQL looks at the youngest column before the handler, and at all when it writes the record.
    late = database.name == "postgresql" and column == "fingerprint" and face != "/leased/"
    assert bool(RAN) == late
    assert effects() == 0
    assert post(face).status_code == 201


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("face", FACES)
def test_a_locked_file_is_a_503(database: Database, face: str) -> None:
    """REQ 24: SQLite locked past its timeout: 503 with Retry-After, nothing run; when the lock is gone, the retry is."""
    database.reconfigure(OPTIONS={"timeout": 0.05})
    other = database.connect().cursor()
    other.execute("BEGIN IMMEDIATE")
    assert_unavailable(post(face))
    assert not RAN
    other.execute("ROLLBACK")
    assert post(face).status_code == 201
    assert (effects(), records()) == (1, 1)


@pytest.mark.databases("sqlite")
def test_a_replay_needs_no_lock(database: Database) -> None:
    """REQ 3: A replay on SQLite is read while another request writes."""
    first = post("/decorated/")
    database.reconfigure(OPTIONS={"timeout": 0})
    other = database.connect().cursor()
    other.execute("BEGIN IMMEDIATE")
    assert post("/decorated/").content == first.content
    other.execute("ROLLBACK")


@pytest.mark.databases("sqlite")
def test_a_lock_that_comes_late_under_atomic_requests_is_a_503(database: Database) -> None:
    """REQ 24: Where a request's transaction begins with a read, and another writes meanwhile: 503, nothing run."""
    database.reconfigure(ATOMIC_REQUESTS=True, OPTIONS={"timeout": 0.05, "transaction_mode": None})
    other = database.connect().cursor()
    other.execute("BEGIN IMMEDIATE")
    assert_unavailable(post("/decorated/"))
    assert not RAN
    other.execute("ROLLBACK")
    assert post("/decorated/").status_code == 201


@pytest.mark.databases("postgresql", "mariadb")
@pytest.mark.parametrize("face", FACES)
def test_a_server_without_the_database_fails_closed(database: Database, face: str) -> None:
    """REQ 24: A server that knows no such database is an unavailable store too."""
    database.reconfigure(NAME="no_such_database_of_these_tests")
    response = post(face)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert not RAN


def by_a_lost_session(request: Any) -> str | None:
    """A scope that asks a database which is gone by then."""
    connection.ensure_connection()
    end_session(session())
    connection.cursor().execute("SELECT 1")
    return "never"


def wrong_statement(request: Any) -> str | None:
    connection.cursor().execute("SELECT nonsense")
    return "never"


def lost_before_the_replay(request: Any, record: Any) -> None:
    by_a_lost_session(request)


urlpatterns += [
    path("asking/", idempotent(POLICY.but(scope=by_a_lost_session))(decorated)),
    path("wrong/", idempotent(POLICY.but(scope=wrong_statement))(decorated)),
    path("replayed/", idempotent(POLICY, before_replay=lost_before_the_replay)(decorated)),
]


@pytest.mark.databases("postgresql", "mariadb")
def test_lost_while_the_caller_is_looked_up(database: Database) -> None:
    """REQ 24: a scope that asks the database, for the user as a rule, and gets no answer: 503, and nothing ran."""
    assert_unavailable(post("/asking/"))
    connection.close()  # as Django does after a request in which the database failed
    assert (effects(), records()) == (0, 0)
    assert post("/wrong/").status_code == 500


@pytest.mark.databases("postgresql", "mariadb")
def test_lost_in_the_check_before_a_replay(database: Database) -> None:
    """REQ 24: the same before a replay."""
    first = post("/replayed/")
    assert first.status_code == 201
    assert_unavailable(post("/replayed/"))
    connection.close()
    assert (effects(), records()) == (1, 1)


def test_a_project_that_commits_by_itself(database: Database) -> None:
    """REQ 2: without autocommit nothing would be committed, so nothing is done, and it says what to set."""
    for by_setting in (True, False):
        if by_setting:
            database.reconfigure(AUTOCOMMIT=False)
        else:
            database.reconfigure(AUTOCOMMIT=True)
            connection.set_autocommit(False)
        try:
            for face in FACES:
                with pytest.raises(ImproperlyConfigured, match="Set AUTOCOMMIT to True"):
                    Client().post(face, headers={"Idempotency-Key": "key-1"})
        finally:
            connection.rollback()
            connection.set_autocommit(True)
    assert (RAN, effects(), records()) == ([], 0, 0)
