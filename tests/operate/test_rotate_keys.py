"""`manage.py idempotency rotate-keys`."""

from __future__ import annotations

import pytest
from django.urls import path
from pytest_django.fixtures import Settings

from django_idempotency.decorators import idempotent
from tests.operate.records import run
from tests.rig import Database
from tests.sealing.desk import FIRST, POLICY, SECOND, encrypting, pay, post, replays

pytestmark = pytest.mark.urls(__name__)

urlpatterns = [path("pay/", idempotent(POLICY)(pay))]


def test_older_keys_can_go(database: Database, settings: Settings) -> None:
    """REQ 23: "with key rotation": status 3 while bodies are left, and after status 0 the old key is not needed."""
    encrypting(settings, FIRST)
    firsts = {key: post("/pay/", key) for key in ("a", "b")}
    encrypting(settings, SECOND, FIRST)
    bounded = run("rotate-keys", "--rows", "1", "--rest", "0", "--json")
    assert (bounded.status, bounded.json) == (3, {"rotated": 1, "unreadable": 0, "left": 1})
    assert "keep the older keys" in bounded.error
    ended = run("rotate-keys")
    assert (ended.status, ended.out) == (0, "Encrypted 1 stored body; 0 cannot be decrypted.\n")
    encrypting(settings, SECOND)
    for key, first in firsts.items():
        assert replays("/pay/", first, key)


def test_without_keys(database: Database) -> None:
    """Where nothing is encrypted it fails, and names the setting."""
    ended = run("rotate-keys")
    assert (ended.status, ended.out) == (1, "")
    assert "ENCRYPTION_KEYS" in ended.error
