"""The database's clock, in a query."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Expression
from django.db.models.sql.compiler import SQLCompiler

from . import claims_for


class Clock(Expression):
    """
    The time of the statement, by the clock that wrote the records' times.

    Django's own `Now()` gives MariaDB's and MySQL's local time, while Django keeps times in UTC.
    """

    output_field = DateTimeField()

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[()]]:
        return claims_for(connection.vendor).NOW, ()
