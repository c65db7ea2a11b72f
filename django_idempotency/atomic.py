"""
Mode atomic: claim, the handler's writes and the stored response share one transaction, and one COMMIT.

A crash anywhere before COMMIT leaves nothing behind. No clock, no lease and no clean-up decide anything.
"""

import logging

from django.db import Error, transaction
from django.db.backends.utils import CursorWrapper

from . import running
from .calls import Call, Executed, R
from .claims.base import Claim, Entry, Row
from .claims.discretion import Discreet
from .exceptions import Unavailable
from .failures import Stage, Verdict, judge
from .resources import Resource
from .transactions import begin
from .work import IN_DOUBT, Work

logger = logging.getLogger("django_idempotency")


class AtomicWork(Work[R]):
    """
    claim -> the handler -> store: all in one transaction.

    Args:
        reads_first: look for a record before a transaction is begun. On some databases the claim needs that anyway.
    """

    def __init__(self, call: Call[R], entry: Entry, *, reads_first: bool) -> None:
        super().__init__(call, entry)
        self.reads_first = reads_first or self.claims.reads_first

    def attempt(self) -> Executed[R] | Row | Claim:
        self.stage = Stage.CLAIM
        try:
            self.seen = self.read() if self.reads_first else None
            if self.seen is not None and self.seen.live:
                return self.seen
            with begin(self.connection, nested=running.innermost() is not None):
                return self._claim(self.seen)
        except Exception as error:
            return self._after(error)

    def _claim(self, seen: Row | None) -> Executed[R] | Row | Claim:
        with self.claims.cursor(self.connection) as cursor:
            with Discreet():
                claimed = self.claims.claim(cursor, self.entry, seen)
            if claimed is not Claim.CLAIMED and claimed is not Claim.TAKEN_OVER:
                return claimed
            if self.executed is not None:
                raise Unavailable  # it ran, and its transaction was undone: never twice in one request
            self.watch_commit()
            return self._run(cursor, new=claimed is Claim.CLAIMED)

    def _run(self, cursor: CursorWrapper, *, new: bool) -> Executed[R] | Claim:
        with running.run(self.entry.identity) as handler:
            executed = self.respond(handler)
        if self.snapshot is None:
            transaction.set_rollback(True, self.alias)  # refused: nothing happened, and the key is free
            return executed
        made = handler.resource or Resource()
        with Discreet():
            stored = self.claims.store(cursor, self.entry, self.snapshot, made, new=new)
        self.stage = Stage.COMMIT
        if stored:
            return executed
        # Another has finished under this key. That is never success: undo all, and answer with theirs.
        transaction.set_rollback(True, self.alias)
        if len(self.connection.atomic_blocks) > 1:  # not ours to begin again
            raise Unavailable
        return Claim.AGAIN

    def _after(self, error: Exception) -> Executed[R] | Row | Claim:
        """What an exception out of the attempt means for the request."""
        if self.committed and self.executed is not None:
            # A hook raised after COMMIT: the work is done and stored.
            logger.error("An on_commit hook of a guarded request raised.", exc_info=error)
            return self.executed
        if not isinstance(error, Error):
            raise error
        trouble = self.claims.trouble(self.connection, error)
        verdict = judge(self.stage, trouble, joined=self.connection.in_atomic_block)
        if verdict is Verdict.RAISE:
            raise error
        if verdict is Verdict.AGAIN:
            return Claim.AGAIN
        if verdict is Verdict.IN_DOUBT and (row := self.read_anew()) is not None and row.live:
            return row
        logger.error("The database failed a request at its %s: %s", self.stage, type(error).__name__)
        raise Unavailable(IN_DOUBT if verdict is Verdict.IN_DOUBT else "") from error
