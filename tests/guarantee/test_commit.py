"""COMMIT itself: its answer is lost, it never arrives, or the database refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, assert_unavailable, effects, post, records
from tests.guarantee.wire import Lose, Wire, wired
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

SERVERS = pytest.mark.databases("postgresql", "mariadb")
WIRES: list[Wire] = []


def work(data: Any) -> dict[str, int]:
    effect = Effect.objects.create(label="paid")
    if "lose" in data and effects() == 1:
        WIRES[0].lose = Lose(data["lose"])
    if "orphan" in data:
        Token.objects.create(key="orphan", user_id=10**6)  # there is no such user
    return {"id": effect.pk}


@idempotent(POLICY)
def decorated(request: HttpRequest) -> HttpResponse:
    return JsonResponse(work(json.loads(request.body)), status=201)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(request.data), status=201)


urlpatterns = [path("decorated/", decorated), path("mixin/", Mixed.as_view())]
FACES = pytest.mark.parametrize("face", ["/decorated/", "/mixin/"])


@pytest.fixture
def wire(database: Database) -> Iterator[Wire]:
    with wired(database) as wire:
        WIRES[:] = [wire]
        yield wire


@SERVERS
@FACES
def test_the_answer_of_commit_is_lost(wire: Wire, face: str) -> None:
    """REQ 24: COMMIT was applied and its answer lost: the stored answer is looked up and sent, with no error."""
    answer = post(face, lose="answer")
    assert wire.lose is None
    assert answer.status_code == 201
    assert json.loads(answer.content) == {"id": Effect.objects.get().pk}
    assert_replays(face, answer, lose="answer")
    assert (effects(), records()) == (1, 1)


@SERVERS
@FACES
def test_commit_never_arrives(wire: Wire, face: str) -> None:
    """REQ 24: COMMIT was lost on the way: 503 with Retry-After, all undone, and the retry is carried out."""
    assert_unavailable(post(face, lose="commit"))
    assert wire.lose is None
    assert (effects(), records()) == (0, 0)
    Effect.objects.create(label="earlier")  # so that the retry loses nothing
    retry = post(face, lose="commit")
    assert (retry.status_code, REPLAYED in retry.headers) == (201, False)
    assert (effects(), records()) == (2, 1)


@SERVERS
@pytest.mark.parametrize("lose", ["answer", "commit"])
def test_commit_of_the_requests_own_transaction_is_lost(database: Database, wire: Wire, lose: str) -> None:
    """REQ 24: With ATOMIC_REQUESTS the COMMIT is Django's and its loss a 500, but the retry still tells the truth."""
    database.reconfigure(ATOMIC_REQUESTS=True)
    assert post("/decorated/", lose=lose).status_code == 500
    applied = lose == "answer"
    assert (effects(), records()) == ((1, 1) if applied else (0, 0))
    Effect.objects.create(label="earlier")
    retry = post("/decorated/", lose=lose)
    assert (retry.status_code, REPLAYED in retry.headers) == (201, applied)
    assert (effects(), records()) == (2, 1)


@FACES
def test_a_constraint_that_waits_for_commit(database: Database, atomic_requests: bool, face: str) -> None:
    """REQ 2: COMMIT refused by a deferred constraint is the handler's failure: nothing is left, the key is free."""
    assert post(face, orphan="yes").status_code == 500
    assert (effects(), records(), Token.objects.count()) == (0, 0, 0)
    corrected = post(face)
    assert (corrected.status_code, REPLAYED in corrected.headers) == (201, False)
    assert (effects(), records()) == (1, 1)


@pytest.mark.databases("postgresql")
@FACES
def test_a_unique_constraint_that_waits_for_commit(
    database: Database, atomic_requests: bool, face: str
) -> None:
    """REQ 2: nor is it taken for another's record, whose key would be the duplicate: the handler failed."""
    alter = "ALTER TABLE app_effect"
    with connection.cursor() as cursor:
        cursor.execute(f"{alter} ADD CONSTRAINT one UNIQUE (label) DEFERRABLE INITIALLY DEFERRED")
    try:
        assert post(face).status_code == 201
        assert post(face, "another").status_code == 500
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"{alter} DROP CONSTRAINT one")
    assert (effects(), records()) == (1, 1)
    assert post(face, "another").status_code == 201


@pytest.mark.databases("postgresql")
@FACES
def test_the_session_is_ended_at_commit(database: Database, face: str) -> None:
    """REQ 24: A session that the server ends while it commits has committed nothing: 503, and the retry runs."""
    with connection.cursor() as cursor:
        cursor.execute("""
            CREATE FUNCTION end_own_session() RETURNS trigger LANGUAGE plpgsql
            AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'""")
        cursor.execute("""
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON app_effect DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION end_own_session()""")
    try:
        assert_unavailable(post(face))
        assert (effects(), records()) == (0, 0)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER at_commit ON app_effect")
            cursor.execute("DROP FUNCTION end_own_session")
    assert post(face).status_code == 201
    assert (effects(), records()) == (1, 1)
