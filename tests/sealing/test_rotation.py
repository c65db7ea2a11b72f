"""Encrypting what is stored with a new key."""

from __future__ import annotations

import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.urls import path
from pytest_django.fixtures import Settings

from django_idempotency.ciphers import ring
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from django_idempotency.sealing import Rotated, rotate
from tests.leased.desk import abandoned
from tests.rig import Database
from tests.sealing.desk import (
    FIRST,
    LEASED,
    POLICY,
    SECOND,
    SECRET,
    THIRD,
    encrypting,
    pay,
    post,
    record,
    replays,
    stored,
)

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [path("atomic/", idempotent(POLICY)(pay)), path("leased/", idempotent(LEASED)(pay))]


def current() -> int:
    """How many bodies the first key has encrypted."""
    keys = ring()
    assert keys is not None
    return IdempotencyRecord.objects.filter(sealed_with=keys.first).count()


def test_all_is_encrypted_with_the_first_key(
    database: Database, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 23: plain bodies and those of older keys; the old key can go, and each retry gets its bytes."""
    firsts = {"plain": post("/atomic/", "plain")}
    encrypting(settings, FIRST)
    firsts["older"] = post("/leased/", "older")
    encrypting(settings, SECOND, FIRST)
    firsts["newer"] = post("/atomic/", "newer")
    untouched = stored("newer")
    post("/leased/", "lost")
    abandoned("lost")

    seen: list[int] = []
    with caplog.at_level(logging.NOTSET, "django_idempotency"):
        done = rotate(batch=1, rest=0, progress=lambda rotated: seen.append(rotated.rotated))

    assert done == Rotated(rotated=2, unreadable=0, left=0)
    assert seen == [1, 2]
    assert stored("newer") == untouched
    assert record("lost").response_body is None
    encrypting(settings, SECOND)
    for key, first in firsts.items():
        assert SECRET.encode() not in stored(key)
        assert replays("/leased/" if key == "older" else "/atomic/", first, key)
    assert SECRET not in caplog.text
    assert SECOND not in caplog.text
    assert rotate() == Rotated(), "once is enough"


@pytest.mark.databases("sqlite")
def test_bounds(database: Database, settings: Settings) -> None:
    """REQ 23: a run may end early, and the next one goes on where it ended."""
    for number in range(5):
        post("/atomic/", f"key-{number}")
    encrypting(settings, FIRST)
    assert rotate(seconds=0) == Rotated(left=5)
    assert rotate(rows=2, rest=0) == Rotated(rotated=2, left=3)
    assert rotate(rows=2, batch=1, rest=0) == Rotated(rotated=2, left=1)
    assert rotate(rest=0) == Rotated(rotated=1)
    assert current() == 5


@pytest.mark.databases("sqlite")
def test_what_cannot_be_read_stays_as_it_is(database: Database, settings: Settings) -> None:
    """REQ 23: neither a body whose key is gone nor a damaged one is touched; each run counts them."""
    encrypting(settings, FIRST)
    post("/atomic/", "gone")
    encrypting(settings, SECOND)
    post("/atomic/", "damaged")
    IdempotencyRecord.objects.filter(key="damaged").update(response_body=b"x" * 100)
    post("/atomic/", "good")
    before = stored("gone"), stored("damaged")
    encrypting(settings, THIRD, SECOND)
    for rotated in (1, 0):
        assert rotate(rest=0) == Rotated(rotated=rotated, unreadable=2, left=0)
    assert (stored("gone"), stored("damaged")) == before


@pytest.mark.databases("postgresql", "mariadb")
def test_what_is_held_is_passed_over(database: Database, settings: Settings) -> None:
    """REQ 23: a live request is never waited for; what it held is left for the next run."""
    for key in ("held", "free"):
        post("/atomic/", key)
    encrypting(settings, FIRST)
    other = database.connect()
    with transaction.atomic(), other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT id FROM idempotency_record WHERE idempotency_key = 'held' FOR UPDATE")
        assert rotate(rest=0) == Rotated(rotated=1, left=1)
        cursor.execute("ROLLBACK")
    assert rotate(rest=0) == Rotated(rotated=1)


@pytest.mark.databases("sqlite")
def test_without_a_key(database: Database, settings: Settings) -> None:
    """REQ 23: to rotate to no key would be to decrypt everything; that is refused."""
    encrypting(settings)
    with pytest.raises(ImproperlyConfigured, match="no key to encrypt with"):
        rotate()
