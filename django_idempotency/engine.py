"""
One guarded request, from top to bottom. Read this first.

    serve      key (keys) -> scope (scopes) -> identity -> fingerprint (fingerprints) -> claim, run, store -> replay
    _Work      claim (claims) -> the handler (call.run) -> store (claims): one transaction, one COMMIT
    _replay    the stored record, if it was made by the same request

A crash anywhere before COMMIT leaves nothing behind: claim, effects and response are one transaction. No clock, no
lease and no clean-up decide anything.
"""

import logging
from contextlib import nullcontext
from typing import Any, Generic

from django.db import Error, connections, transaction

from . import fingerprints, running, scopes
from .calls import Call, Executed, R, Replayed
from .choices import Mismatch, State
from .claims import claims_for
from .claims.base import Claim, Entry, Row
from .claims.pauses import pauses
from .conf import resolve, settings
from .exceptions import InProgress, KeyReused, ResourceGone, ResponseUnavailable, Unavailable
from .failures import Stage, Verdict, judge
from .fingerprints import Match
from .identity import Identity
from .keys import read_key
from .models import IdempotencyRecord
from .resources import Resource
from .responses import stored_headers
from .transactions import begin, check_kept

logger = logging.getLogger("django_idempotency")

TRIES = 3
IN_DOUBT = "It is not known whether the request was carried out. Send it again with the same key."


def serve(call: Call[R]) -> Executed[R] | Replayed:
    """
    Answer one call: by its handler, or by what the handler answered before.

    Raises:
        IdempotencyError: refused; the handler did not run, or all that it did was rolled back.
        Exception: the handler's own, after everything was rolled back; the key is free.
    """
    policy = call.policy
    key = read_key(call) if settings().ENABLED and policy.guards(call.method) else None
    if key is None:
        return Executed(call.bare(), stored=False)
    scope = scopes.resolve(resolve(policy.scope or settings().SCOPE), call.request)
    identity = Identity.of(scope, call.endpoint, key.text, endpoint_in_key=policy.endpoint_in_key)
    if running.includes(identity):  # once is enough
        return Executed(call.bare(), stored=False)

    work = _Work(call, Entry(identity, fingerprints.take(call), policy.mode, policy.lifetime))
    waits = pauses(policy.in_flight_wait)
    for _ in range(TRIES):
        while (outcome := work.attempt()) is Claim.IN_FLIGHT:
            if next(waits, None) is None:
                raise InProgress
        if isinstance(outcome, Row):
            return Replayed(_replayable(call, work.entry, outcome), key.marked)
        if isinstance(outcome, Executed):
            return outcome
    raise Unavailable


class _Work(Generic[R]):
    """One request's work in mode atomic, which may take several attempts to claim, and runs the handler once."""

    def __init__(self, call: Call[R], entry: Entry) -> None:
        self.call = call
        self.entry = entry
        self.alias = IdempotencyRecord.alias(call.policy)
        self.connection = connections[self.alias]
        self.claims = claims_for(self.connection.vendor)
        self.stage = Stage.CLAIM
        self.executed: Executed[R] | None = None
        self.committed = False

    def attempt(self) -> Executed[R] | Row | Claim:
        """Claim, run and store; or say what stood in the way."""
        self.stage = Stage.CLAIM
        try:
            seen = self._read() if self.claims.reads_first else None
            if seen is not None and seen.live:
                return seen
            with begin(self.connection, nested=running.innermost() is not None):
                return self._claim(seen)
        except Exception as error:
            return self._after(error)

    def _read(self) -> Row | None:
        with self.connection.cursor() as cursor:
            return self.claims.read(cursor, self.entry.identity)

    def _claim(self, seen: Row | None) -> Executed[R] | Row | Claim:
        with self.connection.cursor() as cursor:
            claimed = self.claims.claim(cursor, self.entry, seen)
        if claimed is not Claim.CLAIMED:
            return claimed
        if self.executed is not None:  # it ran, and its transaction was undone: never twice in one request
            raise Unavailable
        if len(self.connection.atomic_blocks) == 1:  # COMMIT is ours, and this hook, the first, tells of it
            transaction.on_commit(self._mark_committed, self.alias)
        return self._run()

    def _run(self) -> Executed[R] | Claim:
        self.stage = Stage.RUN
        with running.run(self.entry.identity) as handler:
            self.executed = self._respond(handler)
        if not self.executed.stored:
            transaction.set_rollback(True, self.alias)  # refused: nothing happened, and the key is free
            return self.executed
        return self._store(self.executed, handler.resource or Resource())

    def _respond(self, handler: running.Running) -> Executed[R]:
        policy = self.call.policy
        # A savepoint where refusals are stored: they are stored without their effects.
        with transaction.atomic(self.alias) if policy.stored_errors else nullcontext():
            response = self.call.run()
            status = self.call.status(response)
            if status < 400:
                check_kept(self.connection)
            elif status in policy.stored_errors:
                transaction.set_rollback(True, self.alias)
                handler.resource = None  # undone with the rest
        return Executed(response, stored=policy.keeps(status))

    def _store(self, executed: Executed[R], made: Resource) -> Executed[R] | Claim:
        self.stage = Stage.STORE
        with self.connection.cursor() as cursor:
            stored = self.claims.store(cursor, self.entry, self.call.capture(executed.response), made)
        if not stored:
            # Another has finished under this key. Zero rows is never success: undo all, and answer with theirs.
            transaction.set_rollback(True, self.alias)
            if len(self.connection.atomic_blocks) > 1:  # not ours to begin again
                raise Unavailable
            return Claim.AGAIN
        self.stage = Stage.COMMIT
        return executed

    def _mark_committed(self) -> None:
        self.committed = True

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
        if verdict is Verdict.IN_DOUBT and (row := self._read_anew()) is not None and row.live:
            return row
        logger.error("The database failed a request at its %s: %s", self.stage.value, type(error).__name__)
        raise Unavailable(IN_DOUBT if verdict is Verdict.IN_DOUBT else "") from error

    def _read_anew(self) -> Row | None:
        self.connection.close()
        try:
            return self._read()
        except Error:
            return None


def _replayable(call: Call[Any], entry: Entry, row: Row) -> Row:
    """The row, if its response may be handed out."""
    if row.state != State.COMPLETED.value:
        raise InProgress
    match = fingerprints.compare(row.fingerprint, entry.fingerprint, call)
    if match is not Match.SAME:
        policy = call.policy
        answer = policy.on_mismatch if match is Match.OTHER_BODY else policy.on_other_target
        if answer is Mismatch.REJECT:
            raise KeyReused
        if answer is Mismatch.VALIDATE:
            call.validate_replay()
    try:
        gone = not row.resource.exists()
    except Error as error:
        raise Unavailable from error
    if gone:
        raise ResourceGone
    call.before_replay(entry.identity, row)
    if row.response_body is None:
        raise ResponseUnavailable(
            f"The request was carried out and answered with {row.response_status}; the response was not kept.",
            headers=stored_headers(row.response_headers),
        )
    return row
