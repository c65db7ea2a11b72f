"""A broker of a test's own: a corner of a Redis that answers, else a folder."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.systems import folder_broker

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")


@contextmanager
def broker(folder: Path) -> Iterator[dict[str, str]]:
    """Give what processes need in their environment to meet, and leave nothing behind."""
    redis = connected()
    if redis is None:
        yield environment(f"{folder_broker.SCHEME}://", folder_broker.options(folder))
        return
    prefix = f"test_idempotency_{secrets.token_hex(4)}:"
    try:
        yield environment(REDIS_URL, {"global_keyprefix": prefix})
    finally:
        for key in redis.scan_iter(f"{prefix}*"):
            redis.delete(key)
        redis.close()


def environment(url: str, options: dict[str, Any]) -> dict[str, str]:
    return {
        "CELERY_BROKER_URL": url,
        # What the demonstration leaves to its defaults.
        "BROKER_OPTIONS": json.dumps(options),
        "DJANGO_SETTINGS_MODULE": "tests.systems.thehog_settings",
    }


def connected() -> Any:
    """A client of the Redis, if there is one and Python can talk to it."""
    if find_spec("redis") is None:
        return None
    redis: Any = import_module("redis")
    client = redis.Redis.from_url(REDIS_URL, socket_connect_timeout=1, socket_timeout=5)
    try:
        client.ping()
    except redis.RedisError:
        client.close()
        return None
    return client
