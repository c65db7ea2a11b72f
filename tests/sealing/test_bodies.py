"""What is stored is encrypted, and handed out as it was sent."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, JsonResponse
from django.urls import path
from pytest_django.fixtures import Settings

from django_idempotency import Unknown
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete
from tests.app.models import Effect
from tests.leased.desk import abandoned
from tests.rig import Database
from tests.sealing.desk import (
    ANSWER,
    FIRST,
    KEY,
    LEASED,
    POLICY,
    SECOND,
    SECRET,
    encrypting,
    pay,
    post,
    record,
    replays,
    stored,
)

pytestmark = pytest.mark.urls(__name__)

SEEN: list[tuple[bytes | None, str]] = []
MODES = ["/atomic/", "/leased/"]


def look(request: HttpRequest, seen: IdempotencyRecord) -> None:
    body = None if seen.response_body is None else bytes(seen.response_body)
    SEEN.append((body, seen.sealed_with))


def refuse(request: HttpRequest, seen: IdempotencyRecord) -> None:
    raise PermissionDenied


def find_out(lost: IdempotencyRecord) -> JsonResponse:
    return JsonResponse({"found": ANSWER}, status=201)


urlpatterns = [
    path("atomic/", idempotent(POLICY, before_replay=look)(pay)),
    path("leased/", idempotent(LEASED, before_replay=look)(pay)),
    path("asked/", idempotent(LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=find_out))(pay)),
    path("refused/", idempotent(POLICY, before_replay=refuse)(pay)),
]


@pytest.fixture(autouse=True)
def _seen() -> None:
    SEEN.clear()


@pytest.mark.parametrize("url", MODES)
def test_a_stored_body_is_encrypted(database: Database, settings: Settings, url: str) -> None:
    """REQ 23: with a key the table holds no secret, and the retry gets the very same bytes; without, it holds it."""
    first = post(url, "plain")
    assert SECRET.encode() in stored("plain")
    assert record("plain").sealed_with == ""
    encrypting(settings, FIRST)
    sealed = post(url)
    assert SECRET.encode() not in stored()
    assert record().sealed_with == hashlib.sha256(urlsafe_b64decode(FIRST)).hexdigest()[:16]
    assert replays(url, sealed)
    assert replays(url, first, "plain"), "from before encryption was switched on"
    bodies = [(sealed.content, ""), (first.content, "")]
    assert bodies == SEEN, "the hook may read them"


def test_what_a_reconcile_hook_found_is_encrypted(database: Database, settings: Settings) -> None:
    """REQ 23: also a response that another than the handler made."""
    encrypting(settings, FIRST)
    post("/asked/")
    abandoned(KEY)
    assert post("/asked/").json() == {"found": ANSWER}
    assert SECRET.encode() not in stored()


def test_what_is_completed_by_hand_is_encrypted(database: Database, settings: Settings) -> None:
    """REQ 23: also a response that somebody gave by hand."""
    encrypting(settings, FIRST)
    post("/leased/")
    abandoned(KEY)
    complete(record(), JsonResponse({"found": ANSWER}, status=201), who="ops", why="Looked it up.")
    assert SECRET.encode() not in stored()
    assert post("/leased/").json() == {"found": ANSWER}


def test_an_empty_body_is_a_body(database: Database, settings: Settings) -> None:
    """REQ 3, 23: a tombstone aside, only what was not kept is not there."""
    encrypting(settings, FIRST)
    post("/atomic/")
    IdempotencyRecord.objects.update(response_body=b"", sealed_with="")
    assert post("/atomic/").content == b""


def key_gone(settings: Settings) -> None:
    encrypting(settings, SECOND)


def off(settings: Settings) -> None:
    encrypting(settings)


def damaged(settings: Settings) -> None:
    body = stored()
    IdempotencyRecord.objects.filter(key=KEY).update(response_body=body[:-1] + bytes([body[-1] ^ 1]))


def cut(settings: Settings) -> None:
    IdempotencyRecord.objects.filter(key=KEY).update(response_body=b"")


def moved(settings: Settings) -> None:
    post("/atomic/", "other")
    IdempotencyRecord.objects.filter(key=KEY).update(response_body=stored("other"))


@pytest.mark.parametrize(
    ("happen", "why"),
    [
        (key_gone, "its key is not in IDEMPOTENCY"),
        (off, "is empty"),
        (damaged, "it is damaged"),
        (cut, "it is damaged"),
        (moved, "it was made for another record"),
    ],
)
def test_a_body_that_cannot_be_read(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture, happen: Any, why: str
) -> None:
    """REQ 23: a key that is gone, a damaged body, one of another row: told, logged without secrets, never run again."""
    encrypting(settings, FIRST)
    post("/atomic/")
    happen(settings)
    before = Effect.objects.count()
    with caplog.at_level(logging.NOTSET):
        answer = post("/atomic/")
    assert (answer.status_code, answer.json()["code"]) == (409, "response_unavailable")
    assert "answered with 201" in answer.json()["detail"]
    assert Effect.objects.count() == before
    lines = [line for line in caplog.records if line.name == "django_idempotency"]
    assert [why in line.getMessage() for line in lines] == [True]
    assert SECRET not in caplog.text
    assert FIRST not in caplog.text
    assert SEEN == [(None, "")]


@pytest.mark.databases("sqlite")
def test_who_may_not_see_it_is_not_told_that_it_cannot_be_read(
    database: Database, settings: Settings
) -> None:
    """REQ 5, 23: the view's hook refuses before anything is said of the response."""
    encrypting(settings, FIRST)
    post("/refused/")
    encrypting(settings, SECOND)
    assert post("/refused/").status_code == 403


@pytest.mark.parametrize("url", MODES)
@pytest.mark.databases("sqlite")
def test_a_bad_key_is_found_out_before_anything_is_done(
    database: Database, settings: Settings, url: str
) -> None:
    """REQ 23: a handler whose response could not be stored does not run."""
    encrypting(settings, FIRST[:-2])
    assert post(url).status_code == 500
    assert (Effect.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    encrypting(settings, FIRST)
    assert post(url).status_code == 201


@pytest.mark.databases("sqlite")
def test_without_the_package(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 23: a setting that nothing can fulfil is told, with what to install."""
    from django_idempotency.ciphers import ring

    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)
    # A key that no other test asks for, since what was found out of keys is kept.
    encrypting(settings, "A" * 43 + "=")
    with pytest.raises(ImproperlyConfigured, match=r"django-idempotency\[encryption\]"):
        ring()


def test_nothing_is_imported_where_it_is_off() -> None:
    """INTEGRATIONS 8: no project pays for encryption that does not use it."""
    script = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup();"
        "from django_idempotency import engine, checks, ciphers; assert ciphers.ring() is None;"
        "sys.exit('cryptography.fernet' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
