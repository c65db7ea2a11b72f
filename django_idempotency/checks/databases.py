"""The checks of the database where the records are."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Tags, register
from django.db import connections, router

from ..models import IdempotencyRecord
from .messages import warning


@register(Tags.database)
def check_databases(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> Sequence[CheckMessage]:
    """The database of the records is set up so that the protocol holds."""
    alias = router.db_for_write(IdempotencyRecord)
    if databases is None or alias not in databases:
        return []
    return [*_database(alias)]


def _database(alias: str) -> Iterator[CheckMessage]:
    connection = connections[alias]
    options = connection.settings_dict.get("OPTIONS", {})
    deferred = str(options.get("transaction_mode") or "DEFERRED").upper() == "DEFERRED"
    if connection.vendor == "sqlite" and connection.settings_dict["ATOMIC_REQUESTS"] and deferred:
        yield warning(
            "W002",
            f"ATOMIC_REQUESTS on SQLite ({alias}) begins with a read, so a claim fails at once when another "
            'request writes. Set OPTIONS["transaction_mode"] to "IMMEDIATE".',
        )
    level = _isolation_level(connection.vendor, options)
    if level in ("repeatable read", "serializable"):
        yield warning(
            "W003",
            f"The database {alias} runs at {level}; claims are written for READ COMMITTED. Effects stay exactly once, "
            "but racing duplicates may be refused with 503 and retried.",
        )
    if django_settings.USE_TZ is False and connection.vendor in ("mysql", "sqlite"):
        yield warning(
            "W004", f"With USE_TZ=False the times of idempotency records on {alias} are shown in UTC."
        )


def _isolation_level(vendor: str, options: dict[str, Any]) -> str:
    """The name of a configured level: a name on MariaDB and MySQL, a number of the driver's on PostgreSQL."""
    level = options.get("isolation_level", "read committed")
    if vendor == "postgresql" and "isolation_level" in options:
        from django.db.backends.postgresql.psycopg_any import IsolationLevel

        level = IsolationLevel(level).name
    # None leaves MariaDB and MySQL to the server's own default.
    return str(level or "repeatable read").lower().replace("_", " ")
