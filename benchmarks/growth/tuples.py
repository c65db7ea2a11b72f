"""
What requests leave in PostgreSQL's table of records: rows, dead rows, and updates that touched no index.

    python -m benchmarks.growth.tuples

The database is that of DATABASE_URL, and as it is filled.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

from benchmarks.growth.filling import BODY, TABLE

REQUESTS = 200
COUNTS = ("n_tup_ins", "n_tup_upd", "n_tup_hot_upd", "n_tup_del", "n_dead_tup")


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    settings.ROOT_URLCONF = "benchmarks.urls"
    run = uuid.uuid4().hex
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} SET (autovacuum_enabled = off)")
        found = {
            f"{mode}, {kind}": tuples(cursor, path, run)
            for mode, path in (("atomic", "/insert/"), ("leased", "/leased/"))
            for kind in ("fresh key", "replay")
        }
        cursor.execute(f"ALTER TABLE {TABLE} RESET (autovacuum_enabled)")
    print(json.dumps(found))


def tuples(cursor: Any, path: str, run: str) -> dict[str, float]:
    """Of one request; the second time in a run the same keys are replays."""
    from django.test import Client

    client, before = Client(), counts(cursor)
    for number in range(REQUESTS):
        answer = client.post(path, BODY, "application/json", headers={"Idempotency-Key": f"{run}-{number}"})
        if answer.status_code != 201:
            raise RuntimeError(f"{path} answered with {answer.status_code}")
    after = counts(cursor)
    return {name: (after[name] - before[name]) / REQUESTS for name in COUNTS}


def counts(cursor: Any) -> dict[str, int]:
    """As this session, which has served the requests, reports them when it is told to."""
    cursor.execute("SELECT pg_stat_force_next_flush()")
    cursor.execute("SELECT pg_stat_clear_snapshot()")
    cursor.execute(f"SELECT {', '.join(COUNTS)} FROM pg_stat_user_tables WHERE relname = %s", [TABLE])
    return dict(zip(COUNTS, cursor.fetchone(), strict=True))


if __name__ == "__main__":
    main()
