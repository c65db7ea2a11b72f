"""Hooks that a handler leaves with transaction.on_commit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, outside, post, records
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

# What each hook found committed when it ran: effects and records.
FOUND: list[object] = []
DATABASES: list[Database] = []


def found() -> None:
    FOUND.append(outside(DATABASES[0]))


def fall(how: str) -> None:
    FOUND.append(how)
    if how == "by the database":
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM app_effect")
    raise RuntimeError("the mail server is down")


def work(data: Any) -> dict[str, int]:
    effect = Effect.objects.create(label="paid")
    transaction.on_commit(found)
    if "falls" in data:
        transaction.on_commit(lambda: fall(data["falls"]))
    if "invalid" in data:
        raise ValidationError({"invalid": ["yes"]})
    return {"id": effect.pk}


@idempotent(POLICY)
def decorated(request: HttpRequest) -> HttpResponse:
    data = json.loads(request.body)
    try:
        return JsonResponse(work(data), status=201)
    except ValidationError:
        return HttpResponse(status=400)


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        return Response(work(request.data), status=201)


urlpatterns = [path("decorated/", decorated), path("mixin/", Mixed.as_view())]
FACES = pytest.mark.parametrize("face", ["/decorated/", "/mixin/"])
FALLS = pytest.mark.parametrize("falls", ["by itself", "by the database"])


@pytest.fixture(autouse=True)
def _found(database: Database) -> None:
    FOUND.clear()
    DATABASES[:] = [database]


@FACES
def test_a_hook_finds_effect_and_record_committed(atomic_requests: bool, face: str) -> None:
    """REQ 2: A hook runs once, after the one COMMIT, and not on a replay."""
    first = post(face)
    assert FOUND == [(1, 1)]
    assert_replays(face, first)
    assert FOUND == [(1, 1)]


@FACES
def test_a_hook_is_dropped_with_what_it_belongs_to(atomic_requests: bool, face: str) -> None:
    """REQ 2: A refused request runs no hook, neither then nor with the next commit."""
    assert post(face, invalid="yes").status_code == 400
    assert FOUND == []
    assert post(face).status_code == 201
    assert FOUND == [(1, 1)]


@FACES
@FALLS
def test_a_hook_that_raises_does_not_take_the_answer_away(database: Database, face: str, falls: str) -> None:
    """REQ 2: The work is committed, so the client gets the stored answer; the retry replays it and runs no hook."""
    first = post(face, falls=falls)
    assert (first.status_code, REPLAYED in first.headers) == (201, False)
    assert json.loads(first.content) == {"id": Effect.objects.get().pk}
    assert_replays(face, first, falls=falls)
    assert [*FOUND] == [(1, 1), falls]
    assert (effects(), records()) == (1, 1)


@FACES
@FALLS
def test_a_hook_that_raises_under_atomic_requests(database: Database, face: str, falls: str) -> None:
    """REQ 2: There the hook runs after the view, so the 500 is Django's; the retry replays what was committed."""
    database.reconfigure(ATOMIC_REQUESTS=True)
    assert post(face, falls=falls).status_code == 500
    replay = post(face, falls=falls)
    assert (replay.status_code, REPLAYED in replay.headers) == (201, True)
    assert json.loads(replay.content) == {"id": Effect.objects.get().pk}
    assert [*FOUND] == [(1, 1), falls]
