"""The migrations make what the models say, on each database."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from django_idempotency.models import IdempotencyRecord
from tests.rig import Database

APP = "django_idempotency"
TABLE = IdempotencyRecord._meta.db_table


def _loader() -> MigrationLoader:
    return MigrationLoader(None)


def _migrations() -> dict[str, Any]:
    return {name: found for (app, name), found in _loader().disk_migrations.items() if app == APP}


@pytest.mark.databases("sqlite")
def test_no_migration_is_missing(database: Database) -> None:
    """Models and migrations agree: `makemigrations --check` has nothing to add."""
    call_command("makemigrations", APP, check=True, dry_run=True, verbosity=0)


def test_there_is_one_leaf() -> None:
    """The migrations are one line: two people's never stand side by side."""
    assert len(_loader().graph.leaf_nodes(APP)) == 1


def test_migrations_are_named() -> None:
    """A migration says what it does: numbered without a gap, and never `auto_...`."""
    names = sorted(_migrations())
    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert names[0] == "0001_initial"
    assert all(re.fullmatch(r"\d{4}_[a-z][a-z0-9_]{3,}", name) and "auto" not in name for name in names)


def test_migrations_need_nothing_else() -> None:
    """The table stands alone: no other app has to be installed or migrated first."""
    own = {(APP, name) for name in _migrations()}
    needed = {dependency for found in _migrations().values() for dependency in found.dependencies}
    assert needed <= own


def test_the_table_is_the_models(database: Database) -> None:
    """REQ 29: on each database the migrated table has the model's columns, and their nullability."""
    with connection.cursor() as cursor:
        columns = connection.introspection.get_table_description(cursor, TABLE)
    expected = {field.column: field.null for field in IdempotencyRecord._meta.local_fields}
    assert {column.name: bool(column.null_ok) for column in columns} == expected


def test_the_table_has_six_indexes(database: Database) -> None:
    """
    REQ 20, 26, 29: for the claim, expiry, a search by key and the bound object, newest first and what is unsettled.

    Another would cost each claim a write.
    """
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, TABLE).values()
    indexed = [
        tuple(found["columns"])
        for found in constraints
        if found["index"] or found["unique"] or found["primary_key"]
    ]
    assert sorted(indexed) == [
        ("created_at",),
        ("expires_at",),
        ("id",),
        ("idempotency_key",),
        ("resource_type", "resource_id"),
        ("state", "created_at"),
    ]


@pytest.mark.databases("postgresql", "sqlite")
def test_a_completed_record_is_in_one_index_less(database: Database) -> None:
    """REQ 29: what is looked for when it is unsettled costs those that are not no write."""
    with connection.schema_editor(collect_sql=True) as editor:
        for index in IdempotencyRecord._meta.indexes:
            editor.add_index(IdempotencyRecord, index)
    (sparse,) = [statement for statement in editor.collected_sql if "unsettled" in statement]
    assert sparse.endswith("""WHERE NOT ("state" = 'completed');""")


@pytest.mark.databases("mariadb")
def test_no_warning_of_what_mariadb_does_not_know(database: Database) -> None:
    """REQ 29: `migrate` has nothing to say about the models, where there are no partial indexes either."""
    assert IdempotencyRecord.check(databases=["default"]) == []


def test_texts_are_compared_byte_for_byte(database: Database) -> None:
    """REQ 13: two primary keys that differ in case only are two, and equal ones are one."""
    insert = (
        f"INSERT INTO {TABLE} (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_headers,"
        " resource_type, resource_id, attempt, created_at)"
        " VALUES (%s, %s, 'e', 'k', 'atomic', 'completed', '1:', '', '', '', 1, '2026-01-01')"
    )
    with connection.cursor() as cursor:
        for digest in ("a" * 64, "A" * 64):
            cursor.execute(insert, [digest, "s"])
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(insert, ["a" * 64, "s"])
        for text, number in (("s", 2), ("S", 0), ("ş", 0)):
            cursor.execute(f"SELECT count(*) FROM {TABLE} WHERE scope = %s", [text])
            assert cursor.fetchone() == (number,)


@pytest.mark.databases("sqlite")
def test_migrations_can_be_undone(database: Database) -> None:
    """Whoever uninstalls the app can take its table away, and bring it back."""
    try:
        call_command("migrate", APP, "zero", verbosity=0)
        assert TABLE not in connection.introspection.table_names()
    finally:
        call_command("migrate", APP, verbosity=0)
    assert TABLE in connection.introspection.table_names()
