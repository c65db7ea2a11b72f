"""The index of what is looked for among many records and is true of few, and adding one while requests go on."""

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django.db.migrations.operations import AddIndex


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


class AddIndexOnline(AddIndex):
    """
    Add an index while requests go on: PostgreSQL builds it concurrently, MariaDB and MySQL do so by themselves.

    For a migration with `atomic = False`.
    """

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._run("add_index", to_state.apps.get_model(app_label, self.model_name), schema_editor)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        self._run("remove_index", from_state.apps.get_model(app_label, self.model_name), schema_editor)

    def _run(self, change: str, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> None:
        connection = schema_editor.connection
        if self.allow_migrate_model(connection.alias, model):
            options = {"concurrently": True} if connection.vendor == "postgresql" else {}
            getattr(schema_editor, change)(model, self.index, **options)
