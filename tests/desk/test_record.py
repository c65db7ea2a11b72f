"""One record: from its claim to its end, read by whoever may."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

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


def stored(record: IdempotencyRecord) -> str:
    """The page of its stored response."""
    answer = staff("view_response_body").get(page(record, "response"))
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return answer.content.decode()


def typed(content_type: str, body: bytes) -> IdempotencyRecord:
    headers = [["Content-Type", content_type]] if content_type else []
    return completed("k", response_headers=json.dumps(headers), response_body=body)


def test_from_claim_to_end(database: Database) -> None:
    """REQ 26: times, names of headers, size and fingerprint of what was stored, but nothing that may be secret."""
    record = completed("k", response_headers='[["Location", "/orders/7?token=4242"]]')
    said = read(record)
    for part in (
        "first request The key was claimed.",
        "completed Answered with 201.",
        "expires The key is free from then on.",
        "is answered with the stored response",
        "Headers Location Body",
        "1:x",
    ):
        assert part in said
    assert f"{len(record.response_body or b'')} bytes" in said
    assert "4242" not in said


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        (
            {"left": -HOUR, "attempt": 3},
            [
                "lease ended, its worker was lost Attempt 3, owner 00000000-0000",
                "nobody knows what the request",
            ],
        ),
        ({"left": None}, ["since then its worker gave up Attempt 1", "nobody knows what the request"]),
        (
            {"left": HOUR},
            ["lease ends Attempt 1", "Attempt 1 holds the key until", "nothing can be done here"],
        ),
    ],
)
def test_a_lease(database: Database, fields: Any, parts: list[str]) -> None:
    """REQ 26: who holds a record, or held it last, and what that means; and by which key services know the request."""
    record = leased("k", **fields)
    said = read(record)
    for part in parts:
        assert part in said
    assert record.downstream_key() in said


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"age": 48 * HOUR}, "The key is free: its next request runs as a new one."),
        ({"lifetime": None}, "A retry runs nothing, for ever, and is answered"),
        ({"response_body": None}, "and is told that the response was not kept."),
        (
            {"response_body": None, "resource_deleted_at": timezone.now()},
            "has been deleted. A retry is told so",
        ),
    ],
)
def test_what_a_retry_gets(database: Database, fields: Any, part: str) -> None:
    """REQ 26: whoever was woken reads what the next request with the key gets."""
    assert part in read(completed("k", **fields))


def test_the_lines_about_it(database: Database) -> None:
    """REQ 26: what was done to it by hand stands in its timeline."""
    record = completed("k")
    line(record)
    assert "released, ops Not done." in read(record)


def test_its_object(database: Database) -> None:
    """REQ 20, 26: a link to the object, for who may see that; else its name, and whether it is gone."""
    effect = Effect.objects.create(label="paid")
    record = completed("k", resource_type="app.effect", resource_id=str(effect.pk))
    url = f'href="/admin/app/effect/{effect.pk}/change/"'
    client = staff("view_effect")
    assert url in client.get(page(record)).content.decode()
    User.objects.all().delete()
    client = staff()
    answer = client.get(page(record))
    assert f"app.effect:{effect.pk}" in text(answer)
    assert url not in answer.content.decode()
    effect.delete()
    assert "deleted; the next purge empties this record" in text(client.get(page(record)))
    IdempotencyRecord.objects.update(resource_deleted_at=timezone.now())
    assert "found deleted" in text(client.get(page(record)))


@pytest.mark.parametrize(
    ("type", "said"),
    [
        ("app.line", "app.line:1, deleted"),
        ("app.renamed", "there is no such model: renamed?"),
        ("app.parcel", "app.parcel:1"),
        ("", "bound to none"),
    ],
)
def test_an_object_without_a_page(database: Database, type: str, said: str) -> None:
    """REQ 26: a model that has no admin, is gone, or has another kind of key by now, is no obstacle."""
    assert said in read(completed("k", resource_type=type, resource_id="1"))


def test_nothing_can_be_changed(database: Database) -> None:
    """REQ 26: a record is neither added, nor changed, nor deleted from its page, by whomever."""
    record = completed("k")
    client = staff(superuser=True)
    assert client.post(page(record), {"state": "unknown"}).status_code == 403
    assert client.post(page(record, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    assert IdempotencyRecord.objects.filter(state="completed").count() == 1


@pytest.mark.parametrize("superuser", [True, False])
def test_it_blocks_no_deletion(database: Database, superuser: bool) -> None:
    """REQ 26: users and objects are deleted in the admin as if there were no records, by whoever may delete those."""
    effect = Effect.objects.create(label="paid")
    other = User.objects.create(username="other")
    completed("k", f"auth.user:{other.pk}", resource_type="app.effect", resource_id=str(effect.pk))
    permissions = () if superuser else ("delete_effect", "delete_user", "view_effect", "view_user")
    client = staff(*permissions, superuser=superuser, records=superuser)
    for where in (f"/admin/app/effect/{effect.pk}/delete/", f"/admin/auth/user/{other.pk}/delete/"):
        assert "protected" not in text(client.get(where))
        assert client.post(where, {"post": "yes"}).status_code == 302
    assert not Effect.objects.exists()
    assert not User.objects.filter(username="other").exists()
    assert IdempotencyRecord.objects.count() == 1


def test_a_response_needs_a_permission_of_its_own(database: Database) -> None:
    """REQ 23: who may see records may not therefore see what was answered, nor the other way; nothing is written down."""
    record = completed("k")
    client = staff()
    assert client.get(page(record, "response")).status_code == 403
    assert "needs a permission of its own" in text(client.get(page(record)))
    User.objects.all().delete()
    assert staff("view_response_body", records=False).get(page(record, "response")).status_code == 403
    assert not LogEntry.objects.exists()


def test_who_has_looked_is_written_down(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 23, 26: in the admin's log and in the package's, without what was seen."""
    record = completed("very-secret-key", response_headers='[["Location", "/place-4242"]]')
    with caplog.at_level(logging.INFO, "django_idempotency"):
        shown = stored(record)
    assert "4242" in shown
    assert "/place-4242" in shown
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.user.username) == (record.pk, "night")
    assert "Looked at the stored response" in str(entry)
    assert "looked at the stored response" in caplog.text
    assert "very-secret-key" not in caplog.text
    assert "4242" not in caplog.text + str(entry)


def test_json_with_its_structure(database: Database) -> None:
    """REQ 26: JSON is shown in lines, with what is no ASCII as it is."""
    shown = stored(typed("application/problem+json", '{"a":{"b":"ü"}}'.encode()))
    assert "{\n  &quot;a&quot;: {\n    &quot;b&quot;: &quot;ü&quot;\n  }\n}" in shown
    assert "Body: JSON, 16\xa0bytes" in shown


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b'{"half": "\\ud800"}', "\\ud800"),
        (b"[" * 100_000, "cannot be read as that"),
        (b"{never", "cannot be read as that"),
        (b"9" * 5000, "cannot be read as that"),
        (b"NaN", "NaN"),
        (b"\xff", "is not the text that it says it is"),
        (b"", "cannot be read as that"),
    ],
)
@pytest.mark.databases("sqlite")
def test_what_only_says_that_it_is_json(database: Database, body: bytes, part: str) -> None:
    """REQ 26: hostile or broken JSON is shown as far as it can be, and never an error."""
    assert part in stored(typed("application/json", body))


def test_a_script_is_text(database: Database) -> None:
    """REQ 26: whatever a body or a header says, the page only shows it."""
    headers = json.dumps([["Content-Type", "text/html; charset=latin-1"], ["Location", "<script>"]])
    html = "<script>alert('ä')</script>".encode("latin-1")
    shown = stored(completed("k", response_headers=headers, response_body=html))
    assert "&lt;script&gt;alert(&#x27;ä&#x27;)&lt;/script&gt;" in shown
    assert "<script>" not in shown


@pytest.mark.parametrize(
    "content_type", ["application/pdf", "text/plain; charset=ascii", "text/plain; charset=none", ""]
)
def test_bytes(database: Database, content_type: str) -> None:
    """REQ 26: what is no text is shown in hexadecimal digits, a part of it."""
    shown = stored(typed(content_type, b"%PDF\x00\xff" * 1000))
    assert "00000000  25 50 44 46 00 ff 25 50" in shown
    assert f"{6000 - BYTES} more are not shown" in shown


def test_an_encoded_body(database: Database) -> None:
    """REQ 26: of a compressed body the bytes are shown, and by what it was compressed."""
    headers = '[["Content-Type", "application/json"], ["Content-Encoding", "gzip"]]'
    shown = stored(completed("k", response_headers=headers, response_body=b"\x1f\x8b{}"))
    assert "It is encoded: gzip." in shown
    assert "00000000  1f 8b 7b 7d" in shown


def test_a_megabyte(database: Database) -> None:
    """REQ 26: of a large body the page shows the beginning, and says how much is left."""
    shown = stored(typed("text/plain", b"x" * 1024 * 1024))
    assert f"{1024 * 1024 - TEXT} more are not shown" in shown
    assert len(shown) < 2 * TEXT


@override_settings(IDEMPOTENCY=KEYS)
def test_an_encrypted_body(database: Database) -> None:
    """REQ 23: it is decrypted for who may see it; one that cannot be says why."""
    record = typed("application/json", b"{}")
    keys = ring()
    assert keys is not None
    sealed = keys.seal(record.pk, b'{"secret": "4242"}')
    IdempotencyRecord.objects.update(response_body=sealed, sealed_with=keys.first)
    assert "4242" in stored(record)
    User.objects.all().delete()
    IdempotencyRecord.objects.update(sealed_with="0123456789abcdef")
    assert "It cannot be decrypted: its key is not in" in stored(record)
    User.objects.all().delete()
    with override_settings(IDEMPOTENCY={"ENCRYPTION_KEYS": ["nonsense"]}):
        assert "It cannot be decrypted" in stored(record)


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({}, "It was not kept: it was streamed, or too large."),
        (
            {"resource_deleted_at": timezone.now()},
            "It was removed, for what the request made has been deleted.",
        ),
        ({"completed_at": None, "state": "unknown"}, "There is no response yet."),
    ],
)
def test_what_is_not_there(database: Database, fields: Any, part: str) -> None:
    """REQ 26: a body that is not there says why."""
    assert part in stored(completed("k", response_body=None, **fields))


def test_a_record_that_is_gone(database: Database) -> None:
    """REQ 26: a link to what was purged since leads to no error of the server."""
    client = staff("view_response_body")
    record = completed("k")
    IdempotencyRecord.objects.all().delete()
    assert client.get(page(record, "response")).status_code == 404
    assert client.get(page(record)).status_code == 302


def test_the_statements_of_a_record(database: Database) -> None:
    """REQ 26: a page reads what it shows, and no stored body."""
    record = completed("k", resource_type="app.effect", resource_id="1")
    client = staff()
    client.get(page(record))
    with statements() as ran:
        client.get(page(record))
    assert len(ran) <= 9
    assert not [sql for sql in ran if "response_body" in sql and "LENGTH" not in sql]
