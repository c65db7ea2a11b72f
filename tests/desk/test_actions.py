"""What people do to records in the admin: shown first, done to what was seen, never without a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from django_idempotency.models import IdempotencyAudit, IdempotencyPurge, IdempotencyRecord
from tests.desk.site import ALL, LIST, page, seen, staff, submit, text
from tests.operate.records import completed, keys, leased
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.desk.site")

HOUR = timedelta(hours=1)
WHY = "The provider knows no such charge."
RESPONSE = {"status": 201, "content_type": "application/json", "location": "/charges/7", "body": '{"id": 7}'}


def choose(client: Client, action: str, *records: IdempotencyRecord) -> str:
    """Pick an action from the menu of the list."""
    given = {"action": action, "_selected_action": [record.pk for record in records]}
    answer = client.post(LIST, given)
    assert answer.status_code == 200
    return text(answer)


def test_release(database: Database) -> None:
    """REQ 26: an unknown outcome that was not done: the key is free, with a line and an entry in the admin's log."""
    record = leased("k", left=-HOUR, attempt=2)
    client = staff("release_idempotencyrecord")
    assert "the next request with it runs" in choose(client, "release", record)
    said = text(submit(client, "release", seen(client, "release", record)))
    assert "POST orders, k: Release: nothing was done" in said
    assert keys() == set()
    line = IdempotencyAudit.objects.get()
    assert (line.action, line.who, line.why, line.attempt) == ("released", "admin:night", WHY, 2)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (record.pk, "night")
    assert WHY in entry.get_change_message()


def test_resolve(database: Database) -> None:
    """REQ 26: an unknown outcome that was done: from now on its key is answered with what was typed in."""
    record = leased("k", left=None)
    client = staff("resolve_idempotencyrecord")
    submit(client, "resolve", seen(client, "resolve", record), **RESPONSE)
    record.refresh_from_db()
    assert (record.state, record.response_status) == ("completed", 201)
    assert bytes(record.response_body or b"") == b'{"id": 7}'
    assert '["Location","/charges/7"]' in record.response_headers
    assert IdempotencyAudit.objects.get().action == "completed"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("why", " ", "This field is required"),
        ("status", "404", "less than or equal to 399"),
        ("body", "{", "This is no JSON"),
        ("seen", "forged", "This page is too old"),
    ],
)
def test_what_was_typed_in_wrongly(database: Database, field: str, value: str, said: str) -> None:
    """REQ 26: it is said beside the field, what was typed in stays, and nothing is done."""
    record = leased("k", left=None)
    client = staff("resolve_idempotencyrecord")
    signed = seen(client, "resolve", record)
    answer = client.post(f"{LIST}act/resolve/", {"why": WHY, "seen": signed, **RESPONSE, field: value})
    assert said in answer.content.decode()
    record.refresh_from_db()
    assert record.state == "unknown"


def test_expire(database: Database) -> None:
    """REQ 26: a completed record is given up, and its key is free."""
    record = completed("k")
    client = staff("expire_idempotencyrecord")
    submit(client, "expire", seen(client, "expire", record))
    record.refresh_from_db()
    assert record.expires_at is not None
    assert record.expires_at <= timezone.now()
    assert IdempotencyAudit.objects.get().action == "expired"


def test_several_at_once(database: Database) -> None:
    """REQ 26: each record is told of by itself, and what cannot be done to one does not keep it from the others."""
    lost, held, done = leased("lost", left=None), leased("held", left=HOUR), completed("done")
    client = staff("release_idempotencyrecord")
    said = choose(client, "release", lost, held, done)
    assert "its lease still runs" in said
    assert "nothing is unknown about it" in said
    submit(client, "release", seen(client, "release", lost, held, done))
    assert keys() == {"held", "done"}


def test_one_response_for_one_record(database: Database) -> None:
    """REQ 26: two records are not resolved with one response."""
    client = staff("resolve_idempotencyrecord")
    given = {"action": "resolve", "_selected_action": [leased("a", left=None).pk, leased("b", left=None).pk]}
    assert "select at most 1" in text(client.post(LIST, given, follow=True))


@pytest.mark.parametrize("action", ["release", "resolve", "expire"])
def test_without_the_permission(database: Database, action: str) -> None:
    """REQ 26: each action needs its own permission; to look, or to do something else, is not enough."""
    record = completed("k") if action == "expire" else leased("k", left=None)
    others = [each for each in ALL if not each.startswith(action)]
    client = staff(*others)
    assert client.get(f"{LIST}act/{action}/", {"id": record.pk}).status_code == 403
    assert client.post(f"{LIST}act/{action}/", {"why": WHY, "seen": ""}).status_code == 403
    assert f"act/{action}/" not in client.get(page(record)).content.decode()
    client.post(LIST, {"action": action, "_selected_action": [record.pk]})
    assert not IdempotencyAudit.objects.exists()


@pytest.mark.parametrize("action", ["release", "resolve"])
def test_another_attempt_meanwhile(database: Database, action: str) -> None:
    """REQ 8: a retry has taken it over since the page was opened: nothing is done, and the page says so."""
    record = leased("k", left=None)
    client = staff(*ALL)
    signed = seen(client, action, record)
    IdempotencyRecord.objects.update(owner="1" * 32, attempt=2)
    assert "Another attempt has begun since you looked" in text(submit(client, action, signed, **RESPONSE))
    assert not IdempotencyAudit.objects.exists()
    assert not LogEntry.objects.exists()


def test_the_worker_was_alive(database: Database) -> None:
    """REQ 8: the lost worker has finished since the page was opened: its response stays."""
    record = leased("k", left=-HOUR)
    client = staff(*ALL)
    signed = seen(client, "resolve", record)
    IdempotencyRecord.objects.update(state="completed", completed_at=timezone.now(), lease_expires_at=None)
    assert "It is completed" in text(submit(client, "resolve", signed, **RESPONSE))


def test_gone_meanwhile(database: Database) -> None:
    """REQ 8: somebody else has released it since the page was opened."""
    record = leased("k", left=None)
    client = staff(*ALL)
    signed = seen(client, "release", record)
    IdempotencyRecord.objects.all().delete()
    assert "The record is gone" in text(submit(client, "release", signed))


def test_expired_and_run_again_meanwhile(database: Database) -> None:
    """REQ 8: another request has completed under the key since the page was opened: its record stays."""
    record = completed("k", age=HOUR)
    client = staff(*ALL)
    signed = seen(client, "expire", record)
    IdempotencyRecord.objects.update(completed_at=timezone.now())
    assert "Another request has completed" in text(submit(client, "expire", signed))


def test_purge_now(database: Database) -> None:
    """REQ 12, 26: what has expired is removed, what was removed is told and written down, and a look removes nothing."""
    completed("over", age=48 * HOUR)
    completed("live")
    client = staff("purge_idempotencyrecord")
    assert "Purge now" in text(client.get(LIST))
    assert client.get(f"{LIST}purge/").status_code == 200
    assert keys() == {"over", "live"}
    assert "1 expired records removed" in text(client.post(f"{LIST}purge/", follow=True))
    assert keys() == {"live"}
    assert "1 expired records removed" in LogEntry.objects.get().get_change_message()
    assert IdempotencyPurge.objects.count() == 1


def test_purge_without_the_permission(database: Database) -> None:
    """REQ 26: nor does it offer it."""
    completed("over", age=48 * HOUR)
    client = staff(*[each for each in ALL if "purge" not in each])
    assert client.post(f"{LIST}purge/").status_code == 403
    assert "Purge now" not in text(client.get(LIST))
    assert keys() == {"over"}


def test_the_lines(database: Database) -> None:
    """REQ 26: who did what, found by the scope or the record, also when the record is gone."""
    record = leased("k", left=None)
    client = staff(*ALL)
    submit(client, "release", seen(client, "release", record))
    for query in ({}, {"q": "alice"}, {"q": record.pk}):
        said = text(client.get("/admin/django_idempotency/idempotencyaudit/", query))
        assert "admin:night" in said
        assert WHY in said
    assert WHY not in text(client.get("/admin/django_idempotency/idempotencyaudit/", {"q": "bob"}))
