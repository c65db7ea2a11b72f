"""A table of records as an API leaves it that was not purged for four days, made by the database itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from benchmarks.variants import Guarded
from django_idempotency.identity import prefix
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect

RECORDS, EFFECTS = IdempotencyRecord._meta.db_table, Effect._meta.db_table

# The oldest record is so old, and each lives for a day.
DAYS = 5
# One record in so many is bound to an object, which is there.
BOUND = 10
BODY = b'{"id": 1234567, "note": "%s"}' % (b"0123456789abcdef" * 17)


class Dialect(NamedTuple):
    """
    What each database calls the same things.

    Attributes:
        series: gives the numbers from 1 to the number of rows, as n.
        age: of row n, from 0 (now) to 1 (the oldest).
        id: of row n; 64 hexadecimal digits.
        text: the number of a row as text.
        sha: of a text, as hexadecimal digits.
        earlier: so many seconds before the time of the run.
        after: what a table gets that has just been filled.
    """

    series: str
    age: str
    id: str
    text: str
    sha: str
    earlier: str
    after: tuple[str, ...]


DIALECTS = {
    # Rows lie in the order in which they came, and their ids are in none.
    "postgresql": Dialect(
        series="(SELECT n FROM generate_series(1, {rows}) AS n) AS series",
        age="(1 - n::float / {rows})",
        id="encode(sha256(n::text::bytea), 'hex')",
        text="n::text",
        sha="encode(sha256(({})::bytea), 'hex')",
        earlier="CAST(%s AS timestamptz) - make_interval(secs => {seconds})",
        after=("VACUUM ANALYZE", "CHECKPOINT"),
    ),
    # Rows lie in the order of their ids, and their times are in none.
    "mysql": Dialect(
        series="(SELECT seq AS n FROM seq_1_to_{rows}) AS series",
        age="(crc32(n) / 4294967296)",
        id="concat(lpad(lower(hex(n * floor(281474976710655 / {rows}))), 12, '0'), left(sha2(n, 256), 52))",
        text="CAST(n AS char(9))",
        sha="sha2({}, 256)",
        earlier="CAST(%s AS datetime(6)) - INTERVAL {seconds} * 1000000 MICROSECOND",
        after=(f"ANALYZE TABLE {RECORDS}, {EFFECTS}",),
    ),
}


def fill(rows: int) -> None:
    """Fill an empty database with so many records, four fifths of them expired, and the objects that some made."""
    dialect = DIALECTS[connection.vendor]
    first = Effect.objects.create(label="paid", amount=1)
    _multiply(Effect, dialect.series.format(rows=rows // BOUND - 1), {})
    pattern = IdempotencyRecord.objects.create(**_columns())
    with _without_indexes():
        _multiply(IdempotencyRecord, dialect.series.format(rows=rows), _differences(dialect, rows, first.pk))
        pattern.delete()
    _settle(dialect)


def fill_live(rows: int) -> None:
    """Multiply the one record there is: to so many of the last day, each of which answers its key; see `key`."""
    dialect = DIALECTS[connection.vendor]
    pattern = IdempotencyRecord.objects.get()
    key = f"left({dialect.sha.format(dialect.text)}, 32)"
    parts = "".join(f"{len(part)}:{part}" for part in (pattern.scope, pattern.endpoint))
    digest = dialect.sha.format(f"concat('{parts}32:', {key})")
    age = f"({dialect.age.format(rows=rows)} * 80000)"
    differences = {
        "id": f"concat('{prefix(pattern.scope)}', left({digest}, 48))",
        "idempotency_key": key,
        "created_at": dialect.earlier.format(seconds=age),
        "completed_at": dialect.earlier.format(seconds=age),
        "expires_at": dialect.earlier.format(seconds=f"({age} - 86400)"),
    }
    with _without_indexes():
        series = dialect.series.format(rows=rows)
        order = "" if connection.vendor == "postgresql" else " ORDER BY 1"  # as it keeps them
        _multiply(IdempotencyRecord, series, differences, order)
        pattern.delete()
    _settle(dialect)


def key(n: int) -> str:
    """Of row n, from 1 on, as `fill_live` makes it."""
    return hashlib.sha256(f"{n}".encode()).hexdigest()[:32]


def _settle(dialect: Dialect) -> None:
    with connection.cursor() as cursor:
        for statement in dialect.after:
            cursor.execute(statement)


def _columns() -> dict[str, object]:
    """All that one record has in common with the others."""
    now = timezone.now()
    return {
        "id": "pattern",
        "scope": "everyone",
        "endpoint": "POST insert",
        "key": "pattern",
        "mode": Guarded.idempotency_policy.mode.value,
        "state": "completed",
        "fingerprint": "1:json:" + "0123456789abcdef" * 4,
        "response_status": 201,
        "response_headers": '[["Content-Type", "application/json"]]',
        "response_body": BODY,
        "created_at": now,
        "completed_at": now,
        "expires_at": now,
    }


def _differences(dialect: Dialect, rows: int, first: int) -> dict[str, str]:
    """Expressions for the columns in which one record differs from another; each %s is the time of the run."""
    age, id = dialect.age.format(rows=rows), dialect.id.format(rows=rows)
    created = dialect.earlier.format(seconds=f"{age} * {DAYS * 86400}")
    expires = dialect.earlier.format(seconds=f"({age} * {DAYS * 86400} - 86400)")
    bound = f"CASE WHEN mod(n, {BOUND}) = 0 THEN {{}} ELSE '' END"
    return {
        "id": id,
        "idempotency_key": f"left({id}, 32)",
        "resource_type": bound.format(f"'{Effect._meta.label_lower}'"),
        "resource_id": bound.format(f"CAST(floor(n / {BOUND}) + {first - 1} AS char(9))"),
        "resource_database": bound.format("'default'"),
        "created_at": created,
        "completed_at": created,
        "expires_at": expires,
    }


def _multiply(
    model: type[IdempotencyRecord | Effect], series: str, differences: dict[str, str], order: str = ""
) -> None:
    """Insert the one row of the table again for each number of the series."""
    table = model._meta.db_table
    columns = [
        str(field.column) for field in model._meta.fields if field.get_internal_type() != "BigAutoField"
    ]
    chosen = [differences.get(column, f"pattern.{column}") for column in columns]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(chosen)} FROM {table} AS pattern, {series}{order}"
    with connection.cursor() as cursor:
        cursor.execute(statement, [timezone.now()] * statement.count("%s"))


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Take the secondary indexes away, and make them again: in one go each, where rows of any order take hours."""
    with connection.cursor() as cursor:
        indexes = _indexes(cursor)
        for name in indexes:
            cursor.execute(f"DROP INDEX {name}" + (f" ON {RECORDS}" if connection.vendor == "mysql" else ""))
        yield
        for definition in indexes.values():
            cursor.execute(definition)


def _indexes(cursor: CursorWrapper) -> dict[str, str]:
    """The statement that makes each secondary index of the records, by its name."""
    if connection.vendor == "postgresql":  # with their conditions
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexdef NOT LIKE %s",
            [RECORDS, "%UNIQUE%"],
        )
        return dict(cursor.fetchall())
    found = connection.introspection.get_constraints(cursor, RECORDS)
    return {
        name: f"CREATE INDEX {name} ON {RECORDS} ({', '.join(each['columns'])})"
        for name, each in found.items()
        if each["index"] and not each["unique"]
    }
