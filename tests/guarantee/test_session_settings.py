"""What a session was told by others, which session it is, and who else uses it, change nothing that is read."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any, cast

import pytest
from django.db import connection, connections
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import RequestFactory
from django.urls import path

from django_idempotency import bind
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect, Tag
from tests.guarantee.desk import POLICY, effects, post
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql")]


@idempotent(POLICY)
def pay(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="paid")
    bind(effect)
    return JsonResponse({"id": effect.pk, "text": "ü" * 5000}, status=201)


@idempotent(POLICY)
def name(request: HttpRequest) -> HttpResponse:
    tag = Tag.objects.create(name=json.loads(request.body).get("name", "Ü"))
    bind(tag)
    return JsonResponse({"name": tag.name}, status=201)


urlpatterns = [path("pay/", pay), path("named/", name)]


@pytest.mark.parametrize("said", ["datestyle = 'German, DMY'", "timezone = 'Asia/Kathmandu'"])
def test_a_tombstone_answers_however_the_session_writes_a_time(database: Database, said: str) -> None:
    """REQ 12, 24: a project's own SET makes no record unreadable, before the first request or between two."""
    for key in ("a", "b"):
        post("/pay/", key)
    IdempotencyRecord.objects.update(resource_deleted_at=Now())
    before = post("/pay/", "a")
    with connection.cursor() as cursor:
        cursor.execute(f"SET {said}")
    after = post("/pay/", "b")
    fresh, replay = post("/pay/", "c"), post("/pay/", "c")
    assert (before.status_code, after.status_code) == (404, 404)
    assert (fresh.status_code, replay.content) == (201, fresh.content)
    assert effects() == 3


def test_a_session_of_another_encoding_is_understood(database: Database) -> None:
    """REQ 12, 24: what was bound to an object with such a key still is, whatever the session writes it in."""
    first = post("/named/", "a")
    assert post("/named/", "a").content == first.content
    with connection.cursor() as cursor:
        cursor.execute("SET client_encoding = 'LATIN1'")
    again, fresh = post("/named/", "a"), post("/named/", "b", name="Ä")
    assert (again.status_code, again.content) == (201, first.content)
    assert fresh.status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SET client_encoding = 'UTF8'")
    assert post("/named/", "b", name="Ä").content == fresh.content
    assert set(IdempotencyRecord.objects.values_list("resource_id", flat=True)) == {"Ü", "Ä"}


def test_each_session_is_spoken_to_as_itself(database: Database) -> None:
    """REQ 3, 24: a new session has nothing of the last one; neither does a process keep a body that it has sent."""
    from django_idempotency.claims.direct import _adapters

    first, mine = post("/pay/", "a"), connections["default"]
    kept, _ = _adapters[mine]
    for _ in range(2):
        assert post("/pay/", "a").content == first.content
        assert _adapters[mine][0] is kept
        assert kept.pgresult is None
    connection.close()
    assert post("/pay/", "a").content == first.content
    assert _adapters[mine][0] is not kept
    assert _adapters[mine][0].connection is mine.connection
    assert effects() == 1


class Meeting:
    """A session's adapters, of which two threads try to have one at the same time: between a result and its rows."""

    def __init__(self, adapters: Any) -> None:
        self._adapters = adapters
        self._both = Barrier(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapters, name)

    def set_pgresult(self, result: Any) -> None:
        self._adapters.set_pgresult(result)
        if result is not None:
            with suppress(BrokenBarrierError):  # the other one has to wait, or has been here before
                self._both.wait(0.5)


def test_threads_that_share_a_connection_each_get_their_own_answer(database: Database) -> None:
    """REQ 3: as Django lets them, if they want that; nobody is sent what is another's."""
    from django_idempotency.claims.direct import _adapters

    def ask(key: str) -> bytes:
        # The view alone: between two requests Django's client closes connections, also those of others.
        request = RequestFactory().post("/pay/", {}, "application/json", headers={"Idempotency-Key": key})
        return bytes(pay(request).content)

    def ask_beside(key: str) -> bytes:
        connections["default"] = shared
        return ask(key)

    answers = {key: ask(key) for key in ("a", "b")}
    shared = connections["default"]
    kept, encoding = _adapters[shared]
    _adapters[shared] = cast(Any, Meeting(kept)), encoding
    shared.inc_thread_sharing()
    try:
        with ThreadPoolExecutor(len(answers)) as pool:
            found = dict(zip(answers, pool.map(ask_beside, answers), strict=True))
    finally:
        shared.dec_thread_sharing()
    assert found == answers
    assert effects() == 2
