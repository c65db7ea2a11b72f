"""The column type of a record's texts."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

if TYPE_CHECKING:
    _CharField = models.CharField[str, str]
else:
    _CharField = models.CharField


class ByteText(_CharField):
    """
    Text that is compared byte for byte on every database.

    Default collations of MariaDB and MySQL fold case, and some of PostgreSQL's order by language.
    """

    def __init__(self, *args: Any, ascii_only: bool = False, **kwargs: Any) -> None:
        self.ascii_only = ascii_only
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.ascii_only:
            kwargs["ascii_only"] = True
        return name, path, args, kwargs

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        found = super().db_type(connection)
        if found is not None and connection.vendor == "postgresql":
            # The same type by its full name, to which Django adds no second index for LIKE: collation C needs none,
            # and it would cost each claim another write.
            return found.replace("varchar", "character varying")
        return found

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters = super().db_parameters(connection)
        mysql = "ascii_bin" if self.ascii_only else "utf8mb4_bin"
        parameters["collation"] = {"postgresql": "C", "mysql": mysql}.get(connection.vendor)
        return parameters
