"""A claim of mode leased, in the hands of the request that holds it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from .claims.base import Hold
from .claims.leases import Leases
from .exceptions import LeaseLost
from .resources import Resource

logger = logging.getLogger("django_idempotency")


class Lease:
    """
    What can be done with it; every statement is a compare-and-set on its owner.

    While the handler's transaction is open, statements go over a session of their own: they must be seen at once,
    and must not be undone with it.
    """

    def __init__(self, connection: BaseDatabaseWrapper, statements: Leases, digest: str, hold: Hold) -> None:
        self.connection = connection
        self.statements = statements
        self.digest = digest
        self.owner, self.seconds = hold
        # SQLite has one writer, and an open transaction is it: nobody can take the claim over meanwhile. In a test
        # case's transaction, nobody else can see the claim at all.
        self.alone = connection.vendor == "sqlite" or connection.in_atomic_block

    def take(self, seen: object) -> bool:
        """Take over what another owner has left behind; see `Leases.take`."""
        with self.connection.cursor() as cursor:
            return self.statements.take(cursor, self.digest, seen, self.owner, self.seconds)

    def extend(self, seconds: float | None = None) -> None:
        """
        Hold the claim for so many seconds more, from now on; by default, for a whole lease.

        Raises:
            LeaseLost: it has gone to another attempt, or was resolved.
        """
        with self._aside() as cursor:
            if not self.statements.extend(cursor, self.digest, self.owner, seconds or self.seconds):
                raise LeaseLost

    def renew(self) -> None:
        """
        Hold the claim for a whole lease from now on, for a handler of ours; what another attempt has bound is not its.

        Raises:
            LeaseLost: as for `extend`.
        """
        with self.connection.cursor() as cursor:
            if not self.statements.renew(cursor, self.digest, self.owner, self.seconds):
                raise LeaseLost

    def bind(self, resource: Resource) -> None:
        """
        Show at once what is being made.

        Raises:
            LeaseLost: as for `extend`.
        """
        with self._aside() as cursor:
            if not self.statements.bind(cursor, self.digest, self.owner, resource):
                raise LeaseLost

    def release(self) -> bool:
        """Free the key, if the claim is still ours: nothing was done."""
        return self._end(self.statements.release)

    def doubt(self) -> bool:
        """Leave the outcome unknown, if the claim is still ours: nobody can tell what was done."""
        return self._end(self.statements.doubt)

    def _end(self, statement: Callable[[CursorWrapper, str, str], bool]) -> bool:
        try:
            with self.connection.cursor() as cursor:
                return statement(cursor, self.digest, self.owner)
        except Error as error:  # the end of the lease will say that it is unknown, only later
            logger.error("A claim could not be ended, and will lapse: %s", type(error).__name__)
            return True

    @contextmanager
    def _aside(self) -> Iterator[CursorWrapper]:
        if self.alone:
            with self.connection.cursor() as cursor:
                yield cursor
            return
        session = self.connection.copy()
        # Not one of Django's pool: those who hold all of its sessions would wait for each other here.
        session.settings_dict["OPTIONS"].pop("pool", None)
        try:
            with session.cursor() as cursor:
                yield cursor
        finally:
            session.close()
