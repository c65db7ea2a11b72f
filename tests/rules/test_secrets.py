"""No key, no body and no caller's name ends up in a log, a repr or a message."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from django_idempotency import IdempotencyPolicy, KeySyntax
from django_idempotency.calls import Executed, Replayed
from django_idempotency.choices import Mode
from django_idempotency.claims.base import COLUMNS, Entry, Row
from django_idempotency.conf import Settings
from django_idempotency.exceptions import IdempotencyError
from django_idempotency.identity import Identity
from django_idempotency.keys import Key
from django_idempotency.models import IdempotencyRecord
from django_idempotency.responses import Snapshot, capture
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, Site, insert, send
from tests.rules.refusals import REFUSALS

KEY = "key-5ecret-1"
BODY = "body-5ecret-2"
SCOPE = "scope-5ecret-3"
ANSWER = "answer-5ecret-4"
SECRET = "5ecret"
NAMED: IdempotencyPolicy = OPEN.but(scope=lambda request: SCOPE)


def answers(request: HttpRequest, rest: str = "") -> HttpResponse:
    insert(request)
    return HttpResponse(ANSWER, status=201, headers={"Location": f"/{ANSWER}"})


def fails(request: HttpRequest, rest: str = "") -> HttpResponse:
    insert(request)
    transaction.on_commit(_raise)
    return HttpResponse(ANSWER)


def _raise() -> None:
    raise RuntimeError("a hook failed")


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
    return "\n".join(formatter.format(record) + repr(record.args) for record in caplog.records)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
@pytest.mark.parametrize("meet", [refusal[0] for refusal in REFUSALS.values()], ids=REFUSALS)
def test_no_refusal_tells_a_secret(
    database: Database,
    site: Site,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    meet: Any,
    drf: bool,
) -> None:
    """REQ 23: neither what is logged at any level nor what the client is told repeats a key, body or scope."""
    told: list[str] = []
    monkeypatch.setattr("tests.rules.refusals.send", _secretive(told))
    with caplog.at_level(logging.NOTSET):
        response = meet(site, NAMED, drf)
    assert response.status_code >= 400
    assert told, "the secrets were sent"
    assert SECRET not in _logged(caplog)
    assert SECRET not in response.content.decode()


def _secretive(told: list[str]) -> Any:
    """Send what a refusal asks for, with secrets in every place where there is room for them."""

    def secretive(client: Any, body: Any = b"", *, key: str | None = KEY, **options: Any) -> Any:
        told.append(repr(body))
        if isinstance(body, dict):
            body = {**body, "card": BODY}
        elif not body.startswith(b"["):
            body = f'"{BODY}"'
        return send(client, body, key=key if key in (None, KEY) else f"{KEY}{key}", **options)

    return secretive


@pytest.mark.parametrize("key", [f"{KEY}é", f'{KEY}"', f"{KEY},", f"{KEY}\0", KEY * 50, f'"{KEY}'])
@pytest.mark.parametrize("syntax", KeySyntax)
@pytest.mark.databases("sqlite")
def test_a_malformed_key_is_not_repeated(
    database: Database, site: Site, caplog: pytest.LogCaptureFixture, key: str, syntax: KeySyntax
) -> None:
    """REQ 23: the refusal of a malformed key does not show it, for it may be a good one with a typing error."""
    with caplog.at_level(logging.NOTSET):
        response = send(site(NAMED.but(syntax=syntax)), key=key)
    assert SECRET not in response.content.decode()
    assert SECRET not in _logged(caplog)


def test_success_is_not_logged(database: Database, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 23: a first request and its replay leave no trace of a secret in any log, on any database."""
    with caplog.at_level(logging.NOTSET):
        client = site(NAMED, answers)
        for _ in range(2):
            assert send(client, {"card": BODY}, key=KEY).status_code == 201
    assert SECRET not in _logged(caplog)


def test_trouble_is_logged_without_secrets(
    database: Database, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 23: what is logged of a failing hook names no key, body or scope."""
    with caplog.at_level(logging.NOTSET):
        assert send(site(NAMED, fails), {"card": BODY}, key=KEY).status_code == 200
    logged = _logged(caplog)
    assert "on_commit hook" in logged
    assert SECRET not in logged
    assert not any(SECRET in (record.exc_text or "") for record in caplog.records)
    assert Effect.objects.count() == 1


def _values() -> dict[str, Any]:
    identity = Identity.of(SCOPE, "POST pay", KEY)
    entry = Entry(identity, "1:", Mode.ATOMIC, None)
    response = HttpResponse(ANSWER, headers={"Location": f"/{ANSWER}"})
    snapshot: Snapshot = capture(response, OPEN)
    values: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    values |= {"response_body": ANSWER.encode(), "response_headers": snapshot.header_text, "owner": None}
    row = Row(live=True, expires_in=1, lapsed=False, gone=False, **values)
    record = IdempotencyRecord.of(identity, row, OPEN)
    return {
        "identity": identity,
        "entry": entry,
        "snapshot": snapshot,
        "row": row,
        "replayed": Replayed(row, marked=True),
        "executed": Executed(response, stored=True),
        "record": record,
        "key": Key(KEY),
        "settings": Settings(ENCRYPTION_KEYS=[f"{SECRET}-key"]),
        "records": [record],
    }


@pytest.mark.parametrize("name", _values())
def test_no_value_shows_a_secret(name: str) -> None:
    """REQ 23: the values of the package, which a debugger or an error report prints, show no secret."""
    value = _values()[name]
    for text in (repr(value), str(value), f"{value}", f"{[value]}"):
        assert SECRET not in text
        assert text


@pytest.mark.parametrize("kind", IdempotencyError.__subclasses__())
def test_no_exception_shows_headers(kind: type[IdempotencyError]) -> None:
    """REQ 23: an exception prints its sentence, and not the stored headers that it carries."""
    error = kind(headers=(("Location", f"/{ANSWER}"),))
    assert SECRET not in f"{error} {error!r}"
    assert str(error) == kind.title
