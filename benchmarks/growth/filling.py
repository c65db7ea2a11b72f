"""
Fills the database of DATABASE_URL, and prints what a record takes there.

    python -m benchmarks.growth.filling 1000000
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from testproject import mysql

BODY = '{"amount": 1}'
TABLE = "idempotency_record"
# Bytes of the table without its indexes, and of each index. MariaDB keeps the table in its primary key.
SIZES = {
    "postgresql": f"""
        SELECT 'the table', pg_table_size('{TABLE}')
        UNION ALL SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index
        WHERE indrelid = '{TABLE}'::regclass""",
    "mysql": f"""
        SELECT index_name, stat_value * @@innodb_page_size FROM mysql.innodb_index_stats
        WHERE database_name = DATABASE() AND table_name = '{TABLE}' AND stat_name = 'size'""",
}


def main() -> None:
    mysql.install()
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client

    from benchmarks.filling import fill_live
    from django_idempotency.models import IdempotencyRecord

    settings.ROOT_URLCONF = "benchmarks.urls"
    call_command("migrate", run_syncdb=True, verbosity=0)
    rows = int(sys.argv[1])
    if not IdempotencyRecord.objects.exists():
        made = Client().post("/insert/", BODY, "application/json", headers={"Idempotency-Key": "pattern"})
        if made.status_code != 201:
            raise RuntimeError(f"the pattern was answered with {made.status_code}")
        fill_live(rows)
    print(json.dumps(sizes(IdempotencyRecord.objects.count())))


def sizes(rows: int) -> dict[str, Any]:
    """Bytes of one record, by table and index."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(SIZES[connection.vendor])
        return {name: round(int(size) / rows) for name, size in cursor.fetchall()}


if __name__ == "__main__":
    main()
