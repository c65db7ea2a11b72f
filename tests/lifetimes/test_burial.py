"""An object is made anew under the key of a deleted one, while the purge looks at what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import bind, tombstones
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Tag
from tests.guarantee.desk import POLICY, post
from tests.guarantee.gate import PATIENCE
from tests.guarantee.moments import after_the_store
from tests.lifetimes.rows import PAST
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("unheard")]

MEANWHILE: list[Callable[[], object]] = []


def name(request: HttpRequest) -> JsonResponse:
    bind(Tag.objects.create(name="natural"))
    while MEANWHILE:
        after_the_store(MEANWHILE.pop())
    return JsonResponse({"secret": "of the answer"}, status=201)


urlpatterns = [path("", idempotent(POLICY)(name))]


def request(pool: ThreadPoolExecutor, key: str) -> Future[HttpResponse]:
    """Begin a request in another thread, over a connection of its own."""

    def run() -> HttpResponse:
        try:
            return post("/", key=key)
        finally:
            connection.close()

    return pool.submit(run)


def bury_while(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> int:
    """Bury what is gone; between the look and the burial something happens."""
    change = tombstones.change

    def change_later(*arguments: Any) -> int:
        action()
        return change(*arguments)

    monkeypatch.setattr(tombstones, "change", change_later)
    return tombstones.bury("default", "app.tag", ["natural"], "default")[0]


def assert_stands(key: str) -> None:
    """A retry gets the answer about the object, which is there."""
    assert Tag.objects.filter(name="natural").exists()
    assert IdempotencyRecord.objects.get(key=key).resource_deleted_at is None
    assert json.loads(post("/", key=key).content) == {"secret": "of the answer"}


def test_made_anew_after_the_look(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 20: only the record of the deleted object is buried, not that of the one which was made since."""
    post("/", key="first")
    Tag.objects.all().delete()
    with ThreadPoolExecutor(1) as pool:
        assert bury_while(monkeypatch, lambda: request(pool, "second").result(PATIENCE)) == 1
    assert_stands("second")


def test_made_anew_by_a_late_retry(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 20: nor is the record that a late retry has taken over, for it is about the new object."""
    post("/", key="first")
    Tag.objects.all().delete()

    def retry_late() -> None:
        IdempotencyRecord.objects.update(expires_at=PAST)
        assert request(pool, "first").result(PATIENCE).status_code == 201

    with ThreadPoolExecutor(1) as pool:
        assert bury_while(monkeypatch, retry_late) == 0
    assert_stands("first")


def test_committed_after_the_look(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 20: nor is that of a request which had stored its record before the look, and committed it later."""
    stored, looked = Event(), Event()

    def wait() -> None:
        stored.set()
        assert looked.wait(PATIENCE)

    post("/", key="first")
    Tag.objects.all().delete()
    MEANWHILE.append(wait)
    with ThreadPoolExecutor(1) as pool:
        second = request(pool, "second")
        assert stored.wait(PATIENCE)

        def commit() -> None:
            looked.set()
            assert second.result(PATIENCE).status_code == 201

        assert bury_while(monkeypatch, commit) == 1
    assert_stands("second")
