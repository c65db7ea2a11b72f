"""COMMIT of a leased handler's work: refused, or applied and followed by a hook that fails. What was done outside stays."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from pytest_django import DjangoDbBlocker
from rest_framework.authtoken.models import Token

from django_idempotency import IdempotencyPolicy, downstream_key
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.leased.desk import LEASED, OUTSIDE, charge, code, lapse, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

MEANWHILE: list[Callable[[], object]] = []


def orphan(request: HttpRequest) -> HttpResponse:
    response = charge(request)
    Token.objects.create(key="orphan", user_id=10**6)  # there is no such user
    return response


def hooked(request: HttpRequest) -> HttpResponse:
    transaction.on_commit(fall)
    return charge(request)


def fall() -> None:
    raise RuntimeError("the mail server is down")


def paid(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="paid")
    while MEANWHILE:
        MEANWHILE.pop()()
    return HttpResponse(str(effect.pk), status=201)


def charged(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append(downstream_key())
    return paid(request)


ATOMIC = IdempotencyPolicy(scope=everyone)
urlpatterns = [
    path("orphan/", leased(LEASED, orphan)),
    path("hooked/", leased(LEASED, hooked)),
    path("leased/", leased(LEASED, charged)),
    path("atomic/", leased(ATOMIC, paid)),
]


@pytest.fixture(autouse=True)
def _nothing_outside() -> None:
    OUTSIDE.clear()


def assert_undone(path: str) -> None:
    """The database is as it was; of the outside world only mode atomic need not ask."""
    assert Effect.objects.count() == 0
    if path == "/atomic/":
        assert post(path).status_code == 201
        assert Effect.objects.count() == 1
    else:
        assert (record().state, len(OUTSIDE)) == ("unknown", 1)
        assert code(post(path)) == (409, "outcome_unknown")
        assert (Effect.objects.count(), len(OUTSIDE)) == (0, 1)


def test_a_constraint_that_waits_for_commit(database: Database) -> None:
    """REQ 2, 8: COMMIT is refused, so the writes are undone; what was done outside is unknown at once."""
    assert post("/orphan/").status_code == 500
    assert Token.objects.count() == 0
    assert_undone("/orphan/")


def test_a_hook_that_raises(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 2: COMMIT was applied, so the client gets the stored answer, and so does a retry."""
    first = post("/hooked/")
    assert (first.status_code, record().state) == (201, "completed")
    assert "the mail server is down" in caplog.text
    again = post("/hooked/")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert (Effect.objects.count(), len(OUTSIDE)) == (1, 1)


@contextmanager
def refused(sqlstate: str) -> Iterator[None]:
    """Let the server refuse each COMMIT of an effect with this code."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
            AS $$BEGIN RAISE EXCEPTION 'at COMMIT' USING ERRCODE = '{sqlstate}'; END$$""")
        cursor.execute("""
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON app_effect DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION refuse()""")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER at_commit ON app_effect")
            cursor.execute("DROP FUNCTION refuse")


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("path", ["/atomic/", "/leased/"])
@pytest.mark.parametrize(
    "sqlstate", ["53100", "55P03", "40001"], ids=["a full disk", "a lock", "a serialization failure"]
)
def test_a_commit_that_the_server_cannot_serve(database: Database, path: str, sqlstate: str) -> None:
    """REQ 24: COMMIT is refused for lack of something: 503, and nothing of it is left in the database."""
    with refused(sqlstate):
        response = post(path)
        assert code(response) == (503, "idempotency_unavailable")
        assert response.headers["Retry-After"] == "1"
    assert_undone(path)


@pytest.fixture
def rollback_journal(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A file of SQLite without a write-ahead log, where a reader keeps a COMMIT from being served."""
    file = tmp_path / "locked.sqlite3"
    options = "timeout=1&transaction_mode=IMMEDIATE&init_command=PRAGMA+journal_mode%3DDELETE"
    own = Database("sqlite", f"sqlite:///{file}?{options}")
    with django_db_blocker.unblock():
        own.migrate()
        with own.installed({}):
            yield file
        own.discard()


@pytest.mark.parametrize("path", ["/atomic/", "/leased/"])
def test_sqlite_is_locked_at_commit(rollback_journal: Path, path: str) -> None:
    """REQ 24: a definite answer, not a lost one: 503, all is undone; in mode leased the lease runs out."""
    with closing(sqlite3.connect(rollback_journal, isolation_level=None)) as reader:

        def read() -> None:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM app_effect").fetchall()

        MEANWHILE.append(read)
        assert code(post(path)) == (503, "idempotency_unavailable")
    lapse()
    assert Effect.objects.count() == 0
    assert post(path).status_code == (201 if path == "/atomic/" else 409)
    assert (Effect.objects.count(), len(OUTSIDE)) == ((1, 0) if path == "/atomic/" else (0, 1))
