"""What people do to records in the admin: shown first, done to what was seen, never without a reason."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from django_idempotency.admin import actions
from django_idempotency.models import IdempotencyAudit, IdempotencyPurge, IdempotencyRecord
from tests.desk.site import ALL, LIST, page, seen, staff, submit, text
from tests.operate.records import completed, keys, leased
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.desk.site")

HOUR = timedelta(hours=1)
WHY = "The provider knows no such charge."
BODY = '{"id": 7, "for": "Müller"}'
RESPONSE = {"status": 201, "content_type": "application/json", "location": "/charges/7", "body": BODY}


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
    assert bytes(record.response_body or b"") == BODY.encode()
    assert '["Location","/charges/7"]' in record.response_headers
    assert IdempotencyAudit.objects.get().action == "completed"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("why", " ", "This field is required"),
        ("status", "404x", "Enter a whole number"),
        ("status", "100", "greater than or equal to 200"),
        ("status", "429", "No 429 is ever stored for this endpoint: only 200 to 399, 402"),
        ("status", "204", "A response with status 204 has none"),
        ("body", "{", "This is no JSON"),
        ("body", "[" * 9999, "This is no JSON"),
        ("body", " " * 1024 * 1024 + "1", "It is larger than 1048576 bytes"),
        ("content_type", "text/plain; charset=ascii", "cannot be written in the charset"),
        ("content_type", "text/plain; charset=none", "cannot be written in the charset"),
        ("content_type", "text/plain\r\nSet-Cookie: a=b", "Printable ASCII, on one line"),
        ("location", "/charges/ü", "Printable ASCII, on one line"),
    ],
)
def test_what_was_typed_in_wrongly(database: Database, field: str, value: str, said: str) -> None:
    """REQ 26: it is said beside the field, what was typed in stays, and nothing is done."""
    record = leased("k", left=None)
    client = staff("resolve_idempotencyrecord")
    signed = seen(client, "resolve", record)
    answer = client.post(f"{LIST}act/resolve/", {"why": WHY, "seen": signed, **RESPONSE, field: value})
    assert said in text(answer)
    assert answer.context["form"]["seen"].value() == signed
    record.refresh_from_db()
    assert record.state == "unknown"


@pytest.mark.databases("sqlite")
def test_a_page_that_was_not_ours(database: Database) -> None:
    """REQ 26: what was seen is signed: nobody acts on what he has not been shown."""
    record = leased("k", left=None)
    client = staff("release_idempotencyrecord")
    assert "That page is too old" in text(submit(client, "release", "forged"))
    record.refresh_from_db()


@pytest.mark.parametrize(
    ("given", "status", "body", "headers"),
    [
        ({"status": 402, "body": '{"error": 1}'}, 402, b'{"error": 1}', {"Content-Type", "Location"}),
        ({"status": 204, "body": "", "content_type": ""}, 204, b"", {"Location"}),
        (
            {"body": "a\r\nü", "content_type": "text/plain; charset=latin-1", "location": ""},
            201,
            b"a\n\xfc",
            {"Content-Type"},
        ),
    ],
)
def test_other_responses(
    database: Database, given: dict[str, Any], status: int, body: bytes, headers: set[str]
) -> None:
    """REQ 26: a refusal, a response without a body, and one in another charset are stored as the client gets them."""
    record = leased("k", left=None)
    client = staff("resolve_idempotencyrecord")
    submit(client, "resolve", seen(client, "resolve", record), **{**RESPONSE, **given})
    record.refresh_from_db()
    assert (record.response_status, bytes(record.response_body or b"")) == (status, body)
    assert {name for name, _ in json.loads(record.response_headers)} == headers


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
    assert "It is in flight: attempt 1 holds it until" in said
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


@pytest.mark.parametrize("action", ["release", "resolve", "expire"])
def test_without_seeing_the_records(database: Database, action: str) -> None:
    """REQ 26: who may do something but not see the records does nothing to what he does not see."""
    record = completed("k") if action == "expire" else leased("k", left=None)
    signed = seen(staff(*ALL), action, record)
    User.objects.all().delete()
    client = staff(*ALL, records=False)
    assert client.get(f"{LIST}act/{action}/", {"id": record.pk}).status_code == 403
    assert client.post(f"{LIST}act/{action}/", {"why": WHY, "seen": signed, **RESPONSE}).status_code == 403
    assert client.post(f"{LIST}purge/", {"why": WHY}).status_code == 403
    assert not IdempotencyAudit.objects.exists()


@pytest.mark.databases("sqlite")
def test_a_superuser(database: Database) -> None:
    """REQ 26: a superuser may do all of it."""
    client = staff(superuser=True)
    said = client.get(page(leased("k", left=None))).content.decode()
    assert all(f"act/{action}/" in said for action in ("release", "resolve"))
    assert client.get(LIST).context["may_purge"]


@pytest.mark.databases("sqlite")
def test_what_cannot_be_done_says_why(database: Database) -> None:
    """REQ 26: on the page of a record that is in flight there is no button that does something, and a sentence."""
    client = staff(*ALL)
    answer = client.get(page(leased("k", left=HOUR)))
    assert "act/" not in answer.content.decode()
    assert text(answer).count("It is in flight: attempt 1 holds it until") == 3


@pytest.mark.databases("sqlite")
def test_not_all_that_a_filter_finds(database: Database) -> None:
    """REQ 26: an action is for records that were chosen one by one, whatever a browser sends."""
    leased("a", left=None)
    chosen = leased("b", left=None)
    given = {"action": "release", "_selected_action": [chosen.pk], "select_across": "1"}
    answer = staff(*ALL).post(LIST, given)
    assert [record.key for record in answer.context["doable"]] == ["b"]


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
    assert "This field is required" in text(client.post(f"{LIST}purge/", {"why": " "}))
    assert keys() == {"over", "live"}
    assert "1 expired records removed" in text(client.post(f"{LIST}purge/", {"why": "Disk."}, follow=True))
    assert keys() == {"live"}
    entry = LogEntry.objects.get()
    assert "Disk. Purged: 1 expired records removed" in entry.get_change_message()
    assert entry.get_edited_object() == IdempotencyPurge.objects.get()
    line = IdempotencyAudit.objects.get()
    assert (line.action, line.who, line.why, line.record) == ("purged", "admin:night", "Disk.", "")
    assert "Disk." in text(client.get("/admin/django_idempotency/idempotencyaudit/"))


def test_a_purge_that_comes_to_no_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 12, 26: the request ends in time, and says that there is more."""
    monkeypatch.setattr(actions, "PURGE", 0.0)
    completed("over", age=48 * HOUR)
    said = text(staff("purge_idempotencyrecord").post(f"{LIST}purge/", {"why": "Disk."}, follow=True))
    assert "0 expired records removed, 0 tombstones made. There is more." in said
    assert keys() == {"over"}


@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
def test_where_each_request_is_a_transaction(database: Database) -> None:
    """REQ 12, 29: with ATOMIC_REQUESTS too: a purge is many short transactions, and a refusal spoils no other action."""
    lost, held = leased("lost", left=None), leased("held", left=-HOUR)
    completed("over", age=48 * HOUR)
    client = staff(*ALL)
    signed = seen(client, "release", held, lost)
    IdempotencyRecord.objects.filter(key="held").update(lease_expires_at=timezone.now() + HOUR)
    said = text(submit(client, "release", signed))
    assert "It is in flight" in said
    assert "POST orders, lost: Release" in said
    assert keys() == {"held", "over"}
    joined: list[bool] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        joined.append(connection.in_atomic_block)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        client.post(f"{LIST}purge/", {"why": "Disk."})
    assert keys() == {"held"}
    assert not all(joined)


def test_purge_without_the_permission(database: Database) -> None:
    """REQ 26: nor does it offer it."""
    completed("over", age=48 * HOUR)
    client = staff(*[each for each in ALL if "purge" not in each])
    assert client.post(f"{LIST}purge/", {"why": "Disk."}).status_code == 403
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
