"""The checks of the databases where the records are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from ..models import IdempotencyAudit, IdempotencyRecord
from .messages import error, warning
from .routes import guarded_routes

# By alias, the largest body that a policy keeps there.
Aliases = dict[str, int]


@register(Tags.database)
def check_databases(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """The databases of the records are set up so that the protocol holds."""
    if not databases:
        return []
    aliases: Aliases = {router.db_for_write(IdempotencyRecord): 0}
    for route in guarded_routes():
        if route.policy is not None:
            alias = IdempotencyRecord.alias(route.policy)
            aliases[alias] = max(aliases.get(alias, 0), route.policy.max_body_size)
    return [
        found
        for alias, largest in aliases.items()
        if alias in databases
        for found in (*_settings(connections[alias]), *_server(connections[alias], largest))
    ]


def _settings(connection: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    settings = connection.settings_dict
    mode = settings.get("OPTIONS", {}).get("transaction_mode")
    deferred = str(mode or "DEFERRED").upper() == "DEFERRED"
    if connection.vendor == "sqlite" and settings["ATOMIC_REQUESTS"] and deferred:
        yield warning(
            "W002",
            f"ATOMIC_REQUESTS on SQLite ({connection.alias}) begins with a read, so a claim fails at once when another "
            'request writes. Set OPTIONS["transaction_mode"] to "IMMEDIATE".',
        )
    zone = settings["TIME_ZONE"] or "UTC"
    if connection.vendor in ("mysql", "sqlite") and (django_settings.USE_TZ is False or zone != "UTC"):
        reason = "With USE_TZ=False" if django_settings.USE_TZ is False else f"With TIME_ZONE={zone!r}"
        yield warning(
            "W004",
            f"{reason} the times of idempotency records on {connection.alias} are shown wrong: they are written in UTC.",
        )
    if not settings["AUTOCOMMIT"]:
        yield error(
            "E009",
            f"The database {connection.alias} has AUTOCOMMIT off, so nothing that a guard stores would be committed: each "
            "guarded request would be refused. Set its AUTOCOMMIT to True, which is the default.",
        )


def _server(connection: BaseDatabaseWrapper, largest: int) -> Iterator[CheckMessage]:
    """What the server says, for whatever sets it."""
    rules: dict[str, Callable[..., Iterator[CheckMessage]]] = {
        "postgresql": _postgresql,
        "mysql": _mysql,
        "sqlite": _sqlite,
    }
    if connection.vendor in rules:
        with connection.cursor() as cursor:
            yield from rules[connection.vendor](connection.alias, cursor, largest)


def _postgresql(alias: str, cursor: Any, largest: int) -> Iterator[CheckMessage]:
    names = ("transaction_isolation", "transaction_read_only", "synchronous_commit")
    with transaction.atomic(alias):  # the driver sets the level that OPTIONS names with each BEGIN
        cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}")
        level, read_only, waits = cursor.fetchone()
    yield from _isolation(alias, level)
    yield from _read_only(alias, read_only == "on")
    yield from _durable(alias, waits != "off")
    cursor.execute(
        "SELECT relpersistence FROM pg_class WHERE oid = to_regclass(%s)", [f'"{_table(IdempotencyRecord)}"']
    )
    persistence = cursor.fetchone()
    if persistence is not None and persistence[0] != "p":
        yield warning(
            "W007",
            f"The records on {alias} are in a table that is not logged: a crash empties it, and every retry from "
            f"before runs again. ALTER TABLE {_table(IdempotencyRecord)} SET LOGGED.",
        )


def _mysql(alias: str, cursor: Any, largest: int) -> Iterator[CheckMessage]:
    # Some names differ between MariaDB and MySQL, and between their versions.
    cursor.execute(
        "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation', 'read_only', 'tx_read_only',"
        " 'transaction_read_only', 'max_allowed_packet')"
    )
    said = dict(cursor.fetchall())
    level = str(said.get("transaction_isolation") or said["tx_isolation"])
    yield from _isolation(alias, level)
    if level.upper().replace("-", " ") == "READ UNCOMMITTED":
        yield error(
            "E010",
            f"The database {alias} runs at READ UNCOMMITTED: a duplicate may be answered with a response that is rolled "
            'back afterwards. Set OPTIONS["isolation_level"] to "read committed", which is the default.',
        )
    connection: Any = connections[alias]
    if connection.mysql_is_mariadb and connection.mysql_version < (10, 6):
        yield error(
            "E011",
            f"The database {alias} is MariaDB {'.'.join(map(str, connection.mysql_version))}; the purge and "
            "erase need 10.6 or later, for SKIP LOCKED and JSON_TABLE.",
        )
    locked = (said.get(name, "OFF") for name in ("read_only", "tx_read_only", "transaction_read_only"))
    yield from _read_only(alias, any(value != "OFF" for value in locked))
    packet = int(said["max_allowed_packet"])
    if largest >= packet:
        yield warning(
            "W011",
            f"A policy keeps bodies of up to {largest} bytes on {alias}, whose max_allowed_packet is {packet}: a larger "
            "one fails its request. Raise the one, or lower the policy's max_body_size.",
        )
    cursor.execute(
        "SELECT t.table_name, t.engine FROM information_schema.tables t"
        " JOIN information_schema.engines e ON e.engine = t.engine"
        " WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND e.transactions <> 'YES'"
    )
    yield from _engines(alias, dict(cursor.fetchall()))


def _engines(alias: str, plain: dict[str, str]) -> Iterator[CheckMessage]:
    own = {_table(IdempotencyRecord), _table(IdempotencyAudit)} & plain.keys()
    for table in sorted(own):
        yield error(
            "E008",
            f"The table {table} on {alias} has the engine {plain[table]}, which knows no transactions: nothing is ever "
            f"exactly once there. ALTER TABLE {table} ENGINE=InnoDB.",
        )
    if others := sorted(plain.keys() - own):
        yield warning(
            "W012",
            f"These tables on {alias} have an engine without transactions: {', '.join(others)}. What a guarded handler "
            "writes there stays when the rest of its work is undone, and is written again by the retry.",
        )


def _sqlite(alias: str, cursor: Any, largest: int) -> Iterator[CheckMessage]:
    cursor.execute("PRAGMA query_only")
    yield from _read_only(alias, cursor.fetchone()[0] == 1)
    cursor.execute("PRAGMA synchronous")
    yield from _durable(alias, cursor.fetchone()[0] != 0)


def _isolation(alias: str, level: str) -> Iterator[CheckMessage]:
    level = level.lower().replace("-", " ")
    if level in ("repeatable read", "serializable"):
        yield warning(
            "W003",
            f"The database {alias} runs at {level}; claims are written for READ COMMITTED. Effects stay exactly once, "
            "but racing duplicates may be refused with 503 and retried.",
        )


def _read_only(alias: str, locked: bool) -> Iterator[CheckMessage]:
    if locked:
        yield error(
            "E006",
            f"The database {alias} has records, and cannot be written to: is it a replica? Each guarded request would "
            "be refused.",
        )


def _durable(alias: str, waits: bool) -> Iterator[CheckMessage]:
    if not waits:
        yield warning(
            "W009",
            f"The database {alias} does not wait for its disk: a crash may take back what was answered. In mode leased "
            "a claim may be lost while its effect outside is not.",
        )


def _table(model: type[Model]) -> str:
    return model._meta.db_table
