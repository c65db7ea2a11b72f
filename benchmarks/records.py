"""Records as a busy week leaves them, as many as wanted, made by PostgreSQL itself."""

from __future__ import annotations

from django.db import connection

# Scopes with a fifth of all records each: one that goes on, and one that has left days ago.
LARGE, GONE = "organization:large", "organization:gone"
# A key that a careless client has made up, at one endpoint of many scopes.
OFTEN = "test"

# One after another in time, as a table in use has them. Of a thousand requests two are left unknown, of ten thousand
# one is in flight, of the last minutes; a tenth are in mode leased; every seventh lives for a day, the others for ten.
FILL = f"""
    INSERT INTO idempotency_record (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_status,
        response_headers, response_body, resource_type, resource_id, resource_database, resource_deleted_at, owner,
        attempt, lease_expires_at, created_at, completed_at, expires_at)
    SELECT left(encode(sha256(scope::bytea), 'hex'), 16) || left(encode(sha256(n::text::bytea), 'hex'), 48),
        scope, endpoint, key, mode, state, '1:s:' || encode(sha256(key::bytea), 'hex'),
        CASE WHEN state = 'completed' THEN CASE WHEN n % 50 = 0 THEN 402 WHEN n % 997 = 0 THEN 303 ELSE 201 END END,
        CASE WHEN state = 'completed' THEN '[["Content-Type","application/json"],["Location","/orders/' || n || '"]]'
            ELSE '' END,
        CASE WHEN state = 'completed' THEN convert_to('{{"id": ' || n || ', "note": "' || repeat(md5(n::text), 12) || '"}}', 'UTF8') END,
        CASE WHEN bound THEN 'app.effect' ELSE '' END, CASE WHEN bound THEN n::text ELSE '' END,
        CASE WHEN bound THEN 'default' ELSE '' END,
        CASE WHEN bound AND n % 101 = 0 THEN at + interval '1 hour' END,
        CASE WHEN mode = 'leased' THEN gen_random_uuid() END, 1,
        CASE state WHEN 'in_progress' THEN now() + interval '1 minute' END,
        at, CASE WHEN state = 'completed' THEN at + interval '100 milliseconds' END,
        at + CASE WHEN n % 7 = 0 THEN interval '1 day' ELSE interval '10 days' END
    FROM (SELECT n, now() - interval '7 days' * (1 - n::float / %(records)s) AS at,
            CASE WHEN n % 5 = 0 THEN '{LARGE}' WHEN n < %(records)s * 0.5 AND n % 5 < 3 THEN '{GONE}'
                ELSE 'organization:' || (n * 7919) % 5000 END AS scope,
            'POST ' || floor(sqrt((n * 104729) % 900)) AS endpoint,
            CASE WHEN n % 400 = 1 THEN '{OFTEN}' ELSE 'key-' || md5(n::text) END AS key,
            CASE WHEN n % 10 = 3 THEN 'leased' ELSE 'atomic' END AS mode,
            CASE WHEN n % 500 = 3 THEN 'unknown'
                WHEN n % 10 = 3 AND n > %(records)s * 0.999 THEN 'in_progress' ELSE 'completed' END AS state,
            n % 5 < 3 AS bound
        FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n) AS requests"""

# Each hour of a week, thirty endpoints, five outcomes.
COUNT = """
    INSERT INTO idempotency_count (hour, endpoint, outcome, requests)
    SELECT date_trunc('hour', now()) - hour * interval '1 hour', 'POST ' || endpoint, outcome, 100 + endpoint * hour
    FROM generate_series(0, 24 * 7) AS hour, generate_series(0, 29) AS endpoint,
        unnest(ARRAY['executed', 'replayed', 'released', 'failed', 'idempotency_conflict']) AS outcome"""

BATCH = 250_000


def fill(records: int) -> None:
    """Make so many records, and the counts of a week; and let PostgreSQL know them, as its autovacuum would."""
    with connection.cursor() as cursor:
        for first in range(1, records + 1, BATCH):
            last = min(records, first + BATCH - 1)
            cursor.execute(FILL.replace("% ", "%% "), {"records": records, "first": first, "last": last})
        cursor.execute(COUNT)
        cursor.execute("VACUUM ANALYZE idempotency_record")
        cursor.execute("VACUUM ANALYZE idempotency_count")
