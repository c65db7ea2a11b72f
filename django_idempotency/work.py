"""What both modes do for one request; `atomic` and `leased` say in which transactions."""

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import ClassVar, Generic

from django.db import Error, connections, transaction

from .calls import Call, Executed, R
from .ciphers import ring
from .claims import claims_for
from .claims.base import Claim, Entry, Row
from .claims.discretion import Discreet
from .exceptions import Unavailable
from .failures import Stage
from .models import IdempotencyRecord
from .responses import Snapshot
from .running import Running
from .transactions import check_kept

IN_DOUBT = "It is not known whether the request was carried out. Send it again with the same key."


class Work(ABC, Generic[R]):
    """
    One request's work, which may take several attempts to claim, and runs the handler once.

    Attributes:
        stage: how far it has come.
        executed: what the handler answered, once it has.
        snapshot: what is to be stored of that.
        committed: whether that is stored for good.
        seen: the record as it was when the attempt began, where it was read before.
    """

    # Whether the handler runs inside a savepoint, whatever is stored: see `respond`.
    savepoint: ClassVar[bool] = False

    def __init__(self, call: Call[R], entry: Entry) -> None:
        self.call = call
        self.entry = entry
        self.alias = IdempotencyRecord.alias(call.policy)
        self.connection = connections[self.alias]
        self.claims = claims_for(self.connection.vendor)
        ring()  # keys that cannot encrypt are found out before anything is done
        self.stage = Stage.CLAIM
        self.executed: Executed[R] | None = None
        self.snapshot: Snapshot | None = None
        self.committed = False
        self.seen: Row | None = None

    @abstractmethod
    def attempt(self) -> Executed[R] | Row | Claim:
        """Claim, run and store; or say what stood in the way."""

    def read(self) -> Row | None:
        """The record as it is committed now."""
        with Discreet(), self.claims.cursor(self.connection) as cursor:
            return self.claims.read(cursor, self.entry.identity)

    def read_anew(self) -> Row | None:
        """The record as a new session sees it; None also where that cannot be told."""
        self.connection.close()
        try:
            return self.read()
        except Error:
            return None

    def respond(self, handler: Running) -> Executed[R]:
        """Run the handler, judge its response, and take what is kept of it."""
        policy = self.call.policy
        # A savepoint where refusals are stored: they are stored without their effects.
        with transaction.atomic(self.alias) if self.savepoint or policy.stored_errors else nullcontext():
            self.stage = Stage.RUN
            response = self.call.run()
            status = self.call.status(response)
            if status < 400:
                check_kept(self.connection)
            elif status in policy.stored_errors:
                transaction.set_rollback(True, self.alias)
                handler.resource = None  # undone with the rest
            self.executed = Executed(response, stored=policy.keeps(status))
            self.stage = Stage.STORE  # the end of the savepoint is not the handler's any more
        if status in policy.stored_errors and self.connection.needs_rollback:
            raise Unavailable  # the effects could not be undone alone, and Django keeps the reason to itself
        if self.executed.stored:
            self.stage = Stage.RUN  # but what the view says to its being kept is
            self.snapshot = self.call.capture(response)
            self.stage = Stage.STORE
        return self.executed

    def watch_commit(self) -> None:
        """Begin a transaction with a hook that tells of its COMMIT, where that is ours."""
        if len(self.connection.atomic_blocks) == 1:
            self.connection.on_commit(self._mark_committed)

    def _mark_committed(self) -> None:
        self.committed = True
