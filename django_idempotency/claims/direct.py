"""
A cursor for psycopg 3 that hands a text to the server without the driver's own cursor, whose work around a statement
takes more time than what is in it.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.utils.functional import cached_property
from psycopg import InterfaceError
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from psycopg.abc import Transformer as Adapters
    from psycopg.pq.abc import PGresult

COUNT = attrgetter("command_tuples")

# Of each of Django's connections: what writes values as texts for its session, and reads them; and the encoding that
# the session had then. Kept, for it looks a type up only once.
_adapters: "WeakKeyDictionary[BaseDatabaseWrapper, tuple[Adapters, bytes | None]]" = WeakKeyDictionary()


class DirectCursor(CursorWrapper):
    """
    Django's, as far as the claims need it: whoever watches Django's cursors sees this one as any other.

    A text may hold several statements; the cursor then stands at the first. A transaction that they begin is begun in
    the same message.

    Attributes:
        counts: how many rows each statement has found or changed.
    """

    def __init__(self, db: BaseDatabaseWrapper) -> None:
        self.db = db
        session = db.connection
        encoding = session.pgconn.parameter_status(b"client_encoding")
        types, its = _adapters.get(db, (None, None))
        if types is None or types.connection is not session or its != encoding:
            types = Transformer(session)
            _adapters[db] = types, encoding
        self._types = types
        self._results: list[PGresult] = []
        self.counts: list[int | None] = []

    @cached_property
    def cursor(self) -> Any:
        """The driver's, for whoever looks for it here."""
        return self.db.create_cursor()

    def close(self) -> None:
        """There is nothing to close."""

    def _execute(self, sql: str, params: Sequence[Any], *ignored: Any) -> None:
        self.db.validate_no_broken_transaction()
        with self.db.wrap_database_errors:
            session = self.db.connection
            server = session.pgconn
            with session.lock:  # also to write a text, which asks the session how
                text = sql.encode() % tuple(map(self._types.as_literal, params))
                begins = server.transaction_status == TransactionStatus.IDLE and not self.db.autocommit
                server.send_query(b"BEGIN; " + text if begins else text)
                # The driver's way to wait: other green threads run meanwhile.
                results: list[PGresult] = session.wait(execute(server))
            if not results:
                raise InterfaceError("The server has sent no result.")
            if results[-1].status == ExecStatus.FATAL_ERROR:
                raise error_from_result(results[-1])
            self._results = results[begins:]
            self.counts = list(map(COUNT, self._results))

    @property
    def rowcount(self) -> int:
        return self.counts[0] or 0

    def fetchall(self) -> list[tuple[Any, ...]]:
        result, types = self._results[0], self._types
        with self.db.connection.lock:  # Django lets threads share a connection, if they want that
            types.set_pgresult(result)
            try:
                return types.load_rows(0, result.ntuples, tuple)
            finally:
                types.set_pgresult(None)  # or the body would stay in memory
