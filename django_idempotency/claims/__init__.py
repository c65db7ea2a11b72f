"""The statements that differ between databases, behind one small interface (`base.Claims`)."""

from functools import lru_cache

from django.core.exceptions import ImproperlyConfigured

from .base import Claims


@lru_cache
def claims_for(vendor: str) -> Claims:
    """
    The statements for a vendor, as Django names it.

    Raises:
        ImproperlyConfigured: a database that has none.
    """
    # Imported when asked for: each knows its own driver.
    if vendor == "postgresql":
        from .postgresql import PostgreSQLClaims

        return PostgreSQLClaims()
    if vendor == "mysql":
        from .mysql import MySQLClaims

        return MySQLClaims()
    if vendor == "sqlite":
        from .sqlite import SQLiteClaims

        return SQLiteClaims()
    raise ImproperlyConfigured(
        f"Idempotency records need PostgreSQL, MariaDB, MySQL or SQLite, and this database is {vendor}."
    )
