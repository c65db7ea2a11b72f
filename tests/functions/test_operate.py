"""Operators see what functions have left like what views have."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from django_idempotency import IdempotencyPolicy, Mode
from django_idempotency.erasure import erase
from django_idempotency.models import IdempotencyRecord
from django_idempotency.purge import purge
from django_idempotency.signals import request_answered
from tests.desk.site import page, staff, text
from tests.functions.desk import NAME, effects, guarded, pay, record
from tests.leased.desk import abandoned
from tests.operate.records import run
from tests.rig import Database

pytestmark = [pytest.mark.urls("tests.desk.site"), pytest.mark.databases("sqlite")]


def test_by_command(database: Database) -> None:
    """REQ 28, 26: `show` finds it by its key."""
    pay("o-1")
    [shown] = run("show", "--key", "o-1", "--json").json
    assert (shown["endpoint"], shown["scope"], shown["state"], shown["status"]) == (
        NAME,
        "system",
        "completed",
        200,
    )


def test_in_the_admin(database: Database) -> None:
    """REQ 28, 26: its page and that of its result are there, the result as the JSON that it is."""
    pay("o-1")
    client = staff("view_response_body")
    said = text(client.get(page(record())))
    assert NAME in said
    assert "is answered with the stored response" in said
    shown = client.get(page(record(), "response")).content.decode()
    assert "Indented to be read" in shown
    assert "2.5" in shown


def test_resolved_by_command(database: Database, tmp_path: Path) -> None:
    """REQ 28: an outcome that nobody knew is resolved with the result, as JSON."""
    charge = guarded(IdempotencyPolicy(mode=Mode.LEASED))
    charge("o-1")
    abandoned("o-1")
    result = tmp_path / "result.json"
    result.write_text('{"id": 7}')
    found = run(
        "resolve", record().pk, "--status", "200", "--body-file", str(result), "--why", "seen", "--yes"
    )
    assert found.status == 0, found
    assert charge("o-1") == {"id": 7}


def test_purged_and_erased(database: Database) -> None:
    """REQ 28, 19: an expired one is purged, and a scope's are erased, like any other."""
    pay("o-1")
    IdempotencyRecord.objects.update(expires_at=record().created_at - timedelta(days=2))
    assert purge().expired == 1
    guarded(scope="tenant:1")("o-1")
    erase("tenant:1")
    assert not IdempotencyRecord.objects.exists()


def test_told(database: Database) -> None:
    """REQ 28, 27: its calls are told to the signals by the function's name."""
    told: list[tuple[str, str, int | None]] = []

    def hear(event: object, **kwargs: object) -> None:
        told.append((event.endpoint, event.outcome, event.status))  # type: ignore[attr-defined]

    request_answered.connect(hear)
    try:
        pay("o-1")
        pay("o-1")
    finally:
        request_answered.disconnect(hear)
    assert told == [(NAME, "executed", 200), (NAME, "replayed", 200)]
    assert effects() == ["o-1"]
