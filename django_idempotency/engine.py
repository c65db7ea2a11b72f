"""
One guarded request, from top to bottom. Read this first.

    key (keys) -> scope (scopes) -> identity -> fingerprint (fingerprints)
        -> claim, run, store (atomic, leased)
        -> or replay the stored record, if it was made by the same request
"""

from typing import Any

from django.db import Error

from . import fingerprints, running, scopes
from .atomic import AtomicWork
from .calls import Call, Executed, Pointed, R, Replayed
from .choices import Mismatch, Mode, State
from .claims.base import Claim, Entry, Row
from .claims.pauses import pauses
from .conf import resolve, settings
from .exceptions import (
    InProgress,
    KeyReused,
    OutcomeUnknown,
    ResourceGone,
    ResponseUnavailable,
    Unavailable,
)
from .failures import lost
from .fingerprints import Match
from .identity import Identity
from .keys import Key, read_key
from .leased import LeasedWork
from .models import IdempotencyRecord
from .recent import recent
from .responses import stored_headers
from .sealing import opened
from .work import Work

TRIES = 3


def serve(call: Call[R]) -> Executed[R] | Replayed:
    """
    Answer one call: by its handler, or by what the handler answered before.

    Raises:
        IdempotencyError: refused; the handler did not run, or all that it did was rolled back.
        Exception: the handler's own, after everything was rolled back; the key is free.
    """
    policy = call.policy
    asked = _asked(call) if settings().ENABLED and policy.guards(call.method) else None
    if asked is None:
        return _bare(call)
    key, scope = asked
    identity = Identity.of(scope, call.endpoint, key.text, endpoint_in_key=policy.endpoint_in_key)
    if running.includes(identity):  # once is enough
        return _bare(call)

    before = recent.get(identity.digest)
    taken = fingerprints.take(call, before)
    entry = Entry(identity, taken.fingerprint, policy.mode, policy.lifetime)
    work: Work[R] = (
        AtomicWork(call, entry, reads_first=before is not None)
        if policy.mode is Mode.ATOMIC
        else LeasedWork(call, entry)
    )
    waits = None
    for _ in range(TRIES):
        while (outcome := work.attempt()) is Claim.IN_FLIGHT:
            waits = waits or pauses(policy.in_flight_wait)
            if next(waits, None) is None:
                return _in_flight(call, entry, work.seen)
        answer = (
            Replayed(_replayable(call, entry, outcome), key.marked) if isinstance(outcome, Row) else outcome
        )
        if not isinstance(answer, Claim):
            if taken is not before and (isinstance(answer, Replayed) or answer.stored):
                recent.note(identity.digest, taken)
            return answer
    raise Unavailable


def _asked(call: Call[Any]) -> tuple[Key, str] | None:
    """The key, and whose it is; None without a key."""
    policy = call.policy
    try:  # functions of the project's, which may ask the database: for the user, for one
        key = read_key(call)
        return key and (key, scopes.resolve(resolve(policy.scope or settings().SCOPE), call.request))
    except Error as error:
        if lost(IdempotencyRecord.alias(policy), error):
            raise Unavailable from error
        raise


def _bare(call: Call[R]) -> Executed[R]:
    """Let the handler run as if there were no guard."""
    call.guarded = False
    return Executed(call.bare(), stored=False)


def _in_flight(call: Call[R], entry: Entry, row: Row | None) -> Executed[R]:
    """Refuse a duplicate of what is under way, or point it there."""
    if row is None or not row.resource.type or call.policy.pointer is None:
        raise InProgress
    _match(call, entry, row)
    return Pointed(call.pointer(entry.identity, row), stored=False)


def _match(call: Call[Any], entry: Entry, row: Row) -> None:
    """Hold the request to the one that made the row, as the policy wants it."""
    match = fingerprints.compare(row.fingerprint, entry.fingerprint, call)
    if match is not Match.SAME:
        policy = call.policy
        answer = policy.on_mismatch if match is Match.OTHER_BODY else policy.on_other_target
        if answer is Mismatch.REJECT:
            differs = "body" if match is Match.OTHER_BODY else "path, query or endpoint"
            raise KeyReused(f"A request with another {differs} was already made with this idempotency key.")
        if answer is Mismatch.VALIDATE:
            call.validate_replay()


def _replayable(call: Call[Any], entry: Entry, row: Row) -> Row:
    """The row, if its response may be handed out."""
    _match(call, entry, row)
    known = row.known
    if known == State.UNKNOWN:
        raise OutcomeUnknown
    if known == State.IN_PROGRESS:
        raise InProgress
    try:
        gone = row.gone or not row.resource.exists()
    except Error as error:
        raise Unavailable from error
    if gone:
        raise ResourceGone
    row = opened(entry.identity, row)
    try:
        call.before_replay(entry.identity, row)
    except Error as error:
        if lost(IdempotencyRecord.alias(call.policy), error):
            raise Unavailable from error
        raise
    if row.response_body is None:
        raise ResponseUnavailable(
            f"The request was carried out and answered with {row.response_status}; the response was not kept.",
            headers=stored_headers(row.response_headers),
        )
    return row
