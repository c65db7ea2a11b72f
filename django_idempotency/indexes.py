"""The index type of what is looked for among many records, and is true of few."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement


class SparseIndex(models.Index):
    """
    An index of some of the rows: it costs the others nothing.

    MariaDB and MySQL know no such index, and have one of all rows. An `Index` with a condition would have been the
    same, but for a warning of each `migrate` there.

    Args:
        rows: which ones. A query that is to use the index repeats the condition.
    """

    def __init__(self, *, rows: models.Q, fields: list[str] | tuple[str, ...], name: str) -> None:
        super().__init__(fields=fields, name=name)
        self.rows = rows

    def deconstruct(self) -> Any:
        path, expressions, kwargs = super().deconstruct()
        return path, expressions, {**kwargs, "rows": self.rows}

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        partial = schema_editor.connection.features.supports_partial_indexes
        index = models.Index(fields=self.fields, name=self.name, condition=self.rows if partial else None)
        return index.create_sql(model, schema_editor, using, **kwargs)
