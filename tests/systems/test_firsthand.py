"""FirstHand, as its column and its page say."""

from __future__ import annotations

from tests.systems.live import Live, assert_replay, new_key


def test_smoke(live: Live) -> None:
    body = {"name": "Server"}
    key = {"Idempotency-Key": new_key()}
    before = live.acme.count("/firsthand/v1/api_keys")

    first = live.acme.send("POST", "/firsthand/v1/api_keys", body, headers=key)
    second = live.acme.send("POST", "/firsthand/v1/api_keys", body, headers=key)

    assert first.status_code == 201
    assert_replay(second, first, "X-Request-Id")
    assert live.acme.count("/firsthand/v1/api_keys") == before + 1
