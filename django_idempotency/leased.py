"""
Mode leased: the claim is committed first, and held by a lease while the handler calls the outside world.

    claim -> COMMIT -> BEGIN -> the handler -> store, if the claim is still ours -> COMMIT

What the handler writes is exactly once, as in mode atomic: it is committed with the response or not at all. What it
does outside cannot be undone, so whatever ends in between leaves a record whose outcome is unknown.
"""

import logging
from uuid import uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, Error, transaction

from . import fingerprints, running
from .calls import Call, Executed, R
from .choices import Finding, State, Unknown
from .claims.base import Claim, Entry, Hold, Row, Trouble
from .claims.discretion import Discreet
from .exceptions import LeaseLost, NothingHappened, Unavailable
from .failures import Stage, Verdict, judge
from .fingerprints import Match
from .lease import Lease
from .resources import Resource
from .responses import Snapshot
from .running import Running
from .transactions import begin, is_ours
from .work import IN_DOUBT, Work

logger = logging.getLogger("django_idempotency")

INSIDE = (
    "Mode.LEASED commits its claim before the handler runs, and cannot do that inside a transaction: "
    "ATOMIC_REQUESTS, a transaction.atomic around the view, or another guarded handler."
)


class LeasedWork(Work[R]):
    """Each write is a compare-and-set on our own claim; where it changes no row, the claim is not ours any more."""

    # Its claim outlives the handler's transaction. Where the database has undone that, and the handler has hidden it (a
    # deadlock on MariaDB, a ROLLBACK of its own), the savepoint is gone too, and its end fails before anything is stored.
    savepoint = True

    def __init__(self, call: Call[R], entry: Entry) -> None:
        hold = Hold(uuid4().hex, call.policy.lease.total_seconds())
        super().__init__(call, entry._replace(hold=hold))
        if not is_ours(self.connection):
            raise ImproperlyConfigured(INSIDE)
        self.taken_over = False
        self.lease = Lease(self.connection, self.claims.leases, entry.identity.digest, hold)

    def attempt(self) -> Executed[R] | Row | Claim:
        try:
            claimed = self._claim()
        except Error as error:
            return self._not_claimed(error)
        return self._run() if claimed is Claim.CLAIMED else claimed

    # -- The claim ---------------------------------------------------------------------------------

    def _claim(self) -> Row | Claim:
        self.seen = self.read()
        self.taken_over = self.seen is not None and self.seen.live
        if self.seen is None or not self.seen.live:
            with (
                Discreet(),
                begin(self.connection, nested=False),
                self.claims.cursor(self.connection) as cursor,
            ):
                return self.claims.claim(cursor, self.entry, self.seen)
        if self.seen.known == State.IN_PROGRESS:
            return Claim.IN_FLIGHT
        return self._find_out(self.seen) if self.seen.known == State.UNKNOWN else self.seen

    def _not_claimed(self, error: Error) -> Claim:
        trouble = self.claims.trouble(self.connection, error)
        if trouble is Trouble.AGAIN:
            return Claim.AGAIN
        if trouble is Trouble.OTHER:
            raise error
        if trouble is Trouble.LOST:
            self.connection.close()
            self._give_back()
        logger.error("The database failed a request at its claim: %s", type(error).__name__)
        raise Unavailable from error

    def _give_back(self) -> bool:
        """
        End a claim under which nothing was done; also one that may not be there, since its COMMIT was not answered.

        Left alone it would lapse, and then pass for a request that was begun. What was taken over was begun by
        another attempt, and nobody knows what that has done: it stays unknown.

        Returns:
            False when the claim was not ours any more.
        """
        return self.lease.doubt() if self.taken_over else self.lease.release()

    def _find_out(self, seen: Row) -> Row | Claim:
        """Do what the policy says of a request whose worker was lost: leave it, run it again, or ask."""
        policy = self.call.policy
        same = fingerprints.compare(seen.fingerprint, self.entry.fingerprint, self.call) is Match.SAME
        if policy.on_unknown is Unknown.FAIL or not same:
            return seen
        try:
            taken = self.lease.take(seen.owner)
        except DatabaseError as error:
            if self.claims.code(error) in self.claims.LOCKED:
                return Claim.IN_FLIGHT  # its worker is at its COMMIT after all, or another one takes it over
            raise
        if not taken:
            return Claim.AGAIN
        return self._begin_anew() if policy.on_unknown is Unknown.RETRY else self._reconcile(seen)

    def _begin_anew(self) -> Claim:
        """Hold what was taken over for a whole lease, if it is ours still: the hook may have taken its time."""
        try:
            self.lease.renew()
        except LeaseLost:
            return Claim.AGAIN
        return Claim.CLAIMED

    def _reconcile(self, seen: Row) -> Row | Claim:
        """Ask the policy's hook. The claim is ours by now, so nobody else asks at the same time."""
        finding: Snapshot | Finding = Finding.STILL_UNKNOWN
        try:
            with (
                running.run(self.entry.identity, self.lease) as handler,
                begin(self.connection, nested=False),
            ):
                finding = self.call.reconcile(self.entry.identity, seen)
                if isinstance(finding, Snapshot):
                    made = handler.resource or seen.resource.kept()
                if not isinstance(finding, Snapshot) or not self._store(finding, made):
                    transaction.set_rollback(True, self.alias)  # with what the hook has written
        except Exception as error:
            logger.error("A reconcile hook failed.", exc_info=error)
            finding = Finding.STILL_UNKNOWN
        if isinstance(finding, Snapshot):
            return Claim.AGAIN  # to be read and replayed like any other
        if finding is Finding.NOT_DONE:
            self.taken_over = False  # the attempt before is known now: it has done nothing
            return self._begin_anew()
        self.lease.doubt()
        return self.read() or Claim.AGAIN

    # -- The handler -------------------------------------------------------------------------------

    def _run(self) -> Executed[R] | Row:
        with running.run(self.entry.identity, self.lease) as handler:
            try:
                with begin(self.connection, nested=False):
                    self.watch_commit()
                    if self.lease.alone:  # on SQLite: be the writer before anything is done outside
                        self.lease.extend()
                    executed = self.respond(handler)
                    snapshot = self.snapshot
                    stored = snapshot is not None and self._store(snapshot, handler.resource or Resource())
                    if not stored:
                        transaction.set_rollback(True, self.alias)
            except BaseException as error:
                return self._after(error, handler)
        if not executed.stored:
            self._end(handler, self.call.raised, status=self.call.status(executed.response))
        elif not stored:
            return self._winner()
        return executed

    def _store(self, snapshot: Snapshot, made: Resource) -> bool:
        with Discreet(), self.claims.cursor(self.connection) as cursor:
            return self.claims.store(cursor, self.entry, snapshot, made)

    def _after(self, error: BaseException, handler: Running) -> Executed[R] | Row:
        """What an exception out of the handler, or out of COMMIT, means for the request."""
        if self.committed and self.executed is not None:
            logger.error("An on_commit hook of a guarded request raised.", exc_info=error)
            return self.executed
        if isinstance(error, LeaseLost):
            return self._winner()
        if self.stage is Stage.CLAIM and isinstance(error, Error):  # the handler was not reached
            self._give_back()
            raise Unavailable from error
        if isinstance(error, Error):
            trouble = self.claims.trouble(self.connection, error)
            if judge(self.stage, trouble, joined=False) is not Verdict.RAISE:
                return self._in_doubt(error)
        if not self._end(handler, error) and (winner := self._completed()) is not None:
            return winner  # it failed because it came late, on the winner's own rows for one
        raise error

    def _in_doubt(self, error: Error) -> Row:
        """The session was lost, or COMMIT: ask a new one what has become of the request."""
        self.connection.close()
        if (row := self._completed()) is not None:
            return row
        self.lease.doubt()
        logger.error("The database failed a leased request: %s", type(error).__name__)
        raise Unavailable(IN_DOUBT) from error

    def _winner(self) -> Row:
        """The response of whoever holds, or resolved, the claim that was ours; our own work is rolled back."""
        if (row := self._completed()) is not None:
            return row
        raise Unavailable(IN_DOUBT)

    def _completed(self) -> Row | None:
        """The record, if it has an answer; None also where that cannot be told."""
        try:
            row = self.read()
        except Error:
            return None
        return row if row is not None and row.live and row.known == State.COMPLETED else None

    def _end(self, handler: Running, raised: BaseException | None, status: int = 500) -> bool:
        """
        Say what an attempt without a stored response leaves behind.

        A handler that *returns* a 4xx knows what it did. One that raises may have been half way through.

        Returns:
            False when the claim was not ours any more.
        """
        said_so = isinstance(raised, NothingHappened) or (raised is not None and raised is handler.harmless)
        if said_so or (raised is None and status < 500):
            return self._give_back()
        return self.lease.doubt()
