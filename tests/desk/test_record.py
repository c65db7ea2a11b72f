"""One record: from its claim to its end, read by whoever may."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import override_settings

from django_idempotency.admin.bodies import BYTES, TEXT
from django_idempotency.ciphers import ring
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.desk.site import LIST, page, staff, statements, text
from tests.operate.records import completed, leased, line
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.desk.site")

HOUR = timedelta(hours=1)
KEYS = {"ENCRYPTION_KEYS": ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]}


def read(record: IdempotencyRecord, *permissions: str) -> str:
    return text(staff(*permissions).get(page(record)))


def body(record: IdempotencyRecord) -> str:
    answer = staff("view_response_body").get(page(record, "body"))
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.content.decode()


def test_from_claim_to_end(database: Database) -> None:
    """REQ 26: times, headers, size and fingerprint of what was stored, but never the body itself."""
    record = completed("k", response_headers='[["Location", "/orders/7"]]')
    said = read(record)
    for part in (
        "claimed by the first request",
        "completed; from here on",
        "will expire",
        "/orders/7",
        "1:x",
    ):
        assert part in said
    assert f"{len(record.response_body or b'')} bytes" in said
    assert "4242" not in said


def test_what_a_lost_worker_has_left(database: Database) -> None:
    """REQ 26: which attempt, by whom, and that nobody knows what it has done."""
    said = read(leased("k", left=-HOUR, attempt=3))
    assert "attempt 3, by worker 00000000-0000" in said
    assert "lease lapsed: nobody knows" in said


def test_what_a_failed_worker_has_left(database: Database) -> None:
    """REQ 26: that it gave up."""
    assert "its worker gave up: nobody knows" in read(leased("k", left=None))


def test_the_lines_about_it(database: Database) -> None:
    """REQ 26: what was done to it by hand stands with it."""
    record = completed("k")
    line(record)
    assert "released, ops: Not done." in read(record)


def test_its_object(database: Database) -> None:
    """REQ 20, 26: a link to the object while it is there; else that it is gone."""
    effect = Effect.objects.create(label="paid")
    record = completed("k", resource_type="app.effect", resource_id=str(effect.pk))
    client = staff()
    assert f'href="/admin/app/effect/{effect.pk}/change/"' in client.get(page(record)).content.decode()
    effect.delete()
    assert "deleted; the next purge empties this record" in text(client.get(page(record)))


def test_nothing_can_be_changed(database: Database) -> None:
    """REQ 26: a record is neither added, nor changed, nor deleted from its page, by whomever."""
    record = completed("k")
    client = staff(superuser=True)
    assert client.post(page(record), {"state": "unknown"}).status_code == 403
    assert client.post(page(record, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert IdempotencyRecord.objects.filter(state="completed").count() == 1


def test_it_blocks_no_deletion(database: Database) -> None:
    """REQ 26: users and objects are deleted in the admin as if there were no records."""
    effect = Effect.objects.create(label="paid")
    other = User.objects.create(username="other")
    completed("k", f"auth.user:{other.pk}", resource_type="app.effect", resource_id=str(effect.pk))
    client = staff("delete_effect", "delete_user", "view_effect", "view_user")
    for where in (f"/admin/app/effect/{effect.pk}/delete/", f"/admin/auth/user/{other.pk}/delete/"):
        assert client.post(where, {"post": "yes"}).status_code == 302
    assert not Effect.objects.exists()
    assert not User.objects.filter(username="other").exists()
    assert IdempotencyRecord.objects.count() == 1


def test_a_body_needs_a_permission_of_its_own(database: Database) -> None:
    """REQ 23: who may see records may not therefore see what was answered; and nothing is written down."""
    record = completed("k")
    assert staff().get(page(record, "body")).status_code == 403
    assert not LogEntry.objects.exists()


def test_who_has_looked_is_written_down(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 23, 26: in the admin's log and in the package's, without what was seen."""
    record = completed("very-secret-key")
    with caplog.at_level(logging.INFO, "django_idempotency"):
        assert "4242" in body(record)
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (record.pk, "night")
    assert "Looked at the stored response body" in str(entry)
    assert "looked at the stored body" in caplog.text
    assert "very-secret-key" not in caplog.text
    assert "4242" not in caplog.text + str(entry)


def test_json_with_its_structure(database: Database) -> None:
    """REQ 26: JSON is shown in lines, with what is no ASCII as it is."""
    json_headers = json.dumps([["Content-Type", "application/problem+json"]])
    shown = body(completed("k", response_headers=json_headers, response_body='{"a":{"b":"ü"}}'.encode()))
    assert "{\n  &quot;a&quot;: {\n    &quot;b&quot;: &quot;ü&quot;\n  }\n}" in shown


def test_a_script_is_text(database: Database) -> None:
    """REQ 26: whatever a body says, the page only shows it."""
    html = json.dumps([["Content-Type", "text/html; charset=latin-1"]])
    shown = body(
        completed("k", response_headers=html, response_body="<script>alert('ä')</script>".encode("latin-1"))
    )
    assert "&lt;script&gt;alert(&#x27;ä&#x27;)&lt;/script&gt;" in shown


@pytest.mark.parametrize(
    "content_type", ["application/pdf", "text/plain; charset=ascii", "text/plain; charset=none", ""]
)
def test_bytes(database: Database, content_type: str) -> None:
    """REQ 26: what is no text is shown in hexadecimal digits, a part of it."""
    headers = json.dumps([["Content-Type", content_type]] if content_type else [])
    shown = body(completed("k", response_headers=headers, response_body=b"%PDF\x00\xff" * 1000))
    assert "00000000  25 50 44 46 00 ff 25 50" in shown
    assert f"{6000 - BYTES} more are not shown" in shown


def test_a_megabyte(database: Database) -> None:
    """REQ 26: of a large body the page shows the beginning, and says how much is left."""
    shown = body(completed("k", response_body=b"x" * 1024 * 1024))
    assert f"{1024 * 1024 - TEXT} more are not shown" in shown
    assert len(shown) < 2 * TEXT


@override_settings(IDEMPOTENCY=KEYS)
def test_an_encrypted_body(database: Database) -> None:
    """REQ 23: it is decrypted for who may see it; one that cannot be says why."""
    record = completed("k")
    keys = ring()
    assert keys is not None
    sealed = keys.seal(record.pk, b'{"secret": "4242"}')
    IdempotencyRecord.objects.update(response_body=sealed, sealed_with=keys.first)
    assert "4242" in body(record)
    User.objects.all().delete()
    IdempotencyRecord.objects.update(sealed_with="0123456789abcdef")
    assert "It cannot be decrypted: its key is not in" in text(
        staff("view_response_body").get(page(record, "body"))
    )


def test_what_is_not_there(database: Database) -> None:
    """REQ 26: a body that was not kept is said to be, and has no page."""
    record = completed("k", response_body=None)
    client = staff("view_response_body")
    assert "Not kept." in text(client.get(page(record)))
    assert client.get(page(record, "body")).status_code == 404


def test_the_statements_of_a_record(database: Database) -> None:
    """REQ 26: a page reads what it shows, and no stored body."""
    record = completed("k", resource_type="app.effect", resource_id="1")
    client = staff()
    client.get(page(record))
    with statements() as ran:
        client.get(page(record))
    assert len(ran) <= 9
    assert not [sql for sql in ran if "response_body" in sql and "LENGTH" not in sql]
