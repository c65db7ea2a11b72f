"""Letting a record expire by hand: what was seen, and nothing else, and never without a line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency import IdempotencyPolicy, bind
from django_idempotency.decorators import idempotent
from django_idempotency.exceptions import ResolutionRefused
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from django_idempotency.resolution import expire
from django_idempotency.scopes import everyone
from django_idempotency.tombstones import bury
from tests.app.models import Effect
from tests.leased.desk import abandoned, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

ATOMIC = IdempotencyPolicy(scope=everyone, required=True)


def pay(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="paid")
    bind(effect)
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [path("atomic/", idempotent(ATOMIC)(pay)), path("leased/", leased())]
FACES = pytest.mark.parametrize("face", ["/atomic/", "/leased/"])


def refused(seen: IdempotencyRecord) -> str:
    with pytest.raises(ResolutionRefused) as raised:
        expire(seen, who="ops", why="Sent by mistake.")
    return str(raised.value)


@FACES
def test_the_key_is_free(database: Database, face: str) -> None:
    """REQ 26: expired by hand, the key runs anew; the line says who, when and why."""
    post(face)
    seen = record()
    expire(seen, who="ops@example.com", why="Sent by mistake.")
    assert "Idempotent-Replayed" not in post(face).headers
    assert Effect.objects.count() == 2
    line = IdempotencyAudit.objects.get()
    assert (line.action, line.who, line.why, line.attempt) == (
        "expired",
        "ops@example.com",
        "Sent by mistake.",
        1,
    )
    assert (line.record, line.endpoint, line.scope) == (seen.pk, seen.endpoint, seen.scope)


@FACES
def test_only_what_was_seen(database: Database, face: str) -> None:
    """REQ 8: once another request has completed under the key, what was seen before does not end its record."""
    post(face)
    yesterday = timezone.now() - timedelta(days=1)
    IdempotencyRecord.objects.update(completed_at=yesterday, expires_at=yesterday)
    before = record()
    post(face)
    assert "Another request has completed" in refused(before)
    assert post(face).headers["Idempotent-Replayed"] == "true"
    assert not IdempotencyAudit.objects.exists()


def test_twice(database: Database) -> None:
    """REQ 26: what has expired already is said to have; there is one line."""
    post("/atomic/")
    seen = record()
    expire(seen, who="ops", why="Sent by mistake.")
    assert "expired already" in refused(seen)
    assert IdempotencyAudit.objects.count() == 1


def test_what_is_not_completed(database: Database) -> None:
    """REQ 12: what is in flight or unknown never expires, and whoever tries is told what to do instead."""
    post("/leased/")
    abandoned()
    assert "lease has lapsed: wait for it, or resolve it" in refused(record())
    IdempotencyRecord.objects.update(state="unknown", lease_expires_at=None)
    assert "unknown: resolve it" in refused(record())
    seen = record()
    IdempotencyRecord.objects.all().delete()
    assert "gone" in refused(seen)
    assert not IdempotencyAudit.objects.exists()


def test_a_tombstone(database: Database) -> None:
    """REQ 20: a tombstone that is expired by hand lets the object be made again."""
    post("/atomic/")
    made = record()
    Effect.objects.all().delete()
    bury("default", made.resource_type, [made.resource_id], made.resource_database)
    assert post("/atomic/").status_code == 404
    expire(record(), who="ops", why="Deleted by mistake; the client may make it again.")
    assert post("/atomic/").status_code == 201


def test_two_at_once(database: Database) -> None:
    """REQ 1: of two operators one lets it expire, and the other one is told."""
    post("/atomic/")
    seen, start = record(), Barrier(2)

    def act(name: str) -> str:
        start.wait()
        try:
            expire(seen, who=name, why="Sent by mistake.")
        except ResolutionRefused as error:
            return str(error)
        finally:
            connection.close()
        return ""

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(act, ["one", "two"]))
    assert said[0] == ""
    assert "expired already" in said[1] or "Another session" in said[1]
    assert IdempotencyAudit.objects.count() == 1
