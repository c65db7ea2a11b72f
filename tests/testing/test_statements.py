"""Which statements write, and to which table."""

from __future__ import annotations

import pytest
from django.db import connection

from django_idempotency.testing.statements import shortened, table_of, writes
from django_idempotency.testing.watch import watch
from tests.app.models import Effect, Tag
from tests.rig import Database

READING = [
    "SELECT 1",
    "  ( SELECT id FROM t) UNION (SELECT 2)",
    'SELECT "update", `delete`, \'INSERT INTO t\' FROM "into"',
    "SELECT * FROM t FOR UPDATE SKIP LOCKED",
    "SELECT * FROM t FOR NO KEY UPDATE OF t",
    "/* DELETE FROM t */ SELECT updated_at, deleted FROM t -- update t",
    "WITH a AS (SELECT 1) SELECT * FROM a",
    "EXPLAIN SELECT 1;",
    "SAVEPOINT s1",
    "RELEASE SAVEPOINT s1",
    "ROLLBACK TO SAVEPOINT s1",
    "PRAGMA foreign_keys",
    "SET TRANSACTION READ ONLY",
]
WRITING = {
    'INSERT INTO "shop_order" ("id") VALUES (%s)': "shop_order",
    "INSERT INTO `shop_order` VALUES (1)": "shop_order",
    "insert ignore into shop_order values (1)": "shop_order",
    'INSERT OR IGNORE INTO "shop_order" VALUES (1)': "shop_order",
    'REPLACE INTO "shop_order" VALUES (1)': "shop_order",
    'UPDATE "public"."shop_order" SET a = 1': "shop_order",
    "UPDATE ONLY shop_order SET a = (SELECT 1 FROM other)": "shop_order",
    'DELETE FROM "shop_order" WHERE id IN (SELECT 1)': "shop_order",
    "TRUNCATE TABLE shop_order": "shop_order",
    "WITH gone AS (DELETE FROM shop_order RETURNING *) SELECT * FROM gone": "shop_order",
    'WITH a AS (SELECT 1) UPDATE "shop_order" SET a = 1': "shop_order",
    "SELECT * INTO shop_order FROM other": "shop_order",
    "SELECT 1; DROP TABLE shop_order": "shop_order",
    "EXPLAIN ANALYZE INSERT INTO shop_order VALUES (1)": "shop_order",
    "SELECT nextval('a_seq')": "",
    "SELECT pg_notify('channel', '')": "",
    "MERGE INTO shop_order USING a ON TRUE WHEN MATCHED THEN DO NOTHING": "shop_order",
    "CALL pay(1)": "",
    "NOTIFY channel": "",
    'INSERT INTO "shop_order" VALUES (1) ON CONFLICT ("id") DO UPDATE SET "a" = 1': "shop_order",
    "INSERT INTO shop_order VALUES (1) ON DUPLICATE KEY UPDATE a = 1": "shop_order",
    'INSERT INTO "shop_order" SELECT * FROM "other" FOR UPDATE': "shop_order",
    "WITH a AS (DELETE FROM other RETURNING *) INSERT INTO shop_order SELECT * FROM a": "",
    "/* nothing */ ?": "",
}


@pytest.mark.parametrize("sql", READING)
def test_what_reads(sql: str) -> None:
    """REQ 30: A retry may read; a name or a text is no statement."""
    assert not writes(sql)


@pytest.mark.parametrize("sql", WRITING)
def test_what_writes(sql: str) -> None:
    """REQ 30: Whatever is not known to read counts as writing, also inside a statement that begins like a reading one."""
    assert writes(sql)
    assert table_of(sql) == WRITING[sql]


def test_every_kind_of_write_is_seen(database: Database) -> None:
    """REQ 30: However Django writes, it is seen, with its table and the line that asked for it; parameters are not told."""
    with watch() as seen:
        effect = Effect.objects.create(label="secret")
        effect.save()
        Effect.objects.bulk_create([Effect(), Effect()])
        Effect.objects.update(amount=1)
        Tag.objects.get_or_create(name="a")
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE app_tag SET name = %s", [["b"]])
        Effect.objects.all().delete()

    tables = [write.table for write in seen.writes]
    assert tables[:4] == ["app_effect"] * 4
    assert tables.count("app_tag") == 2
    assert {"app_effect", "app_tag"} == set(tables) - {"app_line", "app_refund"}
    assert all("test_statements.py" in write.place and "secret" not in str(write) for write in seen.writes)


@pytest.mark.databases("postgresql")
def test_composed_statements(database: Database) -> None:
    """REQ 30: What psycopg composes is read like any other statement."""
    from psycopg import sql

    with watch() as seen, connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {}").format(sql.Literal("x")))
        cursor.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("app_tag")))
    assert [write.table for write in seen.writes] == ["app_tag"]


def test_a_long_statement_is_cut() -> None:
    """REQ 30: A message stays readable."""
    assert shortened("a\n  b") == "a b"
    assert len(shortened("x" * 1000)) == 160
