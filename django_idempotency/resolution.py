"""
What people do to a record by hand: resolve what a request of mode leased has left unknown, or let a record expire.

Each is a compare-and-set on what was seen, and leaves a line about it.
"""

from datetime import timedelta
from functools import partial
from uuid import uuid4

from django.db import DatabaseError, connections, transaction
from django.http import HttpResponse

from .choices import Mode, State
from .claims import claims_for
from .claims.base import Entry, Hold
from .claims.clock import Clock
from .claims.discretion import Discreet
from .exceptions import ResolutionRefused
from .identity import Identity
from .lookups import EXPIRED
from .models import IdempotencyAudit, IdempotencyRecord
from .policy import IdempotencyPolicy
from .presets import DEFAULT
from .resources import Resource
from .responses import Snapshot, capture
from .signals import record_settled
from .tombstones import Records, change

# Two times that are nearer than this are one: SQLite keeps milliseconds.
TICK = timedelta(milliseconds=1)
GONE = "The record is gone: somebody has released it, or it has expired."
COMMITTING = "Its worker is about to commit after all, or somebody else resolves it just now. Look again."


def release(record: IdempotencyRecord, *, who: str, why: str) -> None:
    """
    Resolve as not done: the key is free, and the next request with it runs.

    Args:
        record: as it was seen when that was decided.
        who, why: kept in an `IdempotencyAudit`.

    Raises:
        ResolutionRefused: it is not unknown, or not any more what was seen.
    """
    _resolve(record, None, who, why)


def complete(
    record: IdempotencyRecord,
    response: HttpResponse,
    *,
    who: str,
    why: str,
    policy: IdempotencyPolicy = DEFAULT,
) -> None:
    """
    Resolve as done: from now on the key is answered with this response.

    Args:
        record: as it was seen when that was decided.
        who, why: kept in an `IdempotencyAudit`.
        policy: which headers of the response are kept.

    Raises:
        ResolutionRefused: it is not unknown, or not any more what was seen.
    """
    _resolve(record, capture(response, policy), who, why)


def expire(record: IdempotencyRecord, *, who: str, why: str) -> None:
    """
    End the lifetime of a completed record now: its key is free, and the next request with it runs.

    Also of a tombstone: a late retry then makes its object again.

    Args:
        record: as it was seen when that was decided.
        who, why: kept in an `IdempotencyAudit`.

    Raises:
        ResolutionRefused: it is not completed, has expired already, or is not any more what was seen.
    """
    _say(who, why)
    alias = record._state.db or "default"
    completed = record.completed_at
    with transaction.atomic(alias):
        expired = completed is not None and change(
            _now(record)
            .filter(
                state=State.COMPLETED,
                completed_at__gt=completed - TICK,
                completed_at__lt=completed + TICK,
            )
            .exclude(EXPIRED),
            lambda records: records.update(expires_at=Clock()),
        )
        if not expired:
            raise ResolutionRefused(_why_not_expired(record))
        _write_down(record, "expired", who, why)


def _say(who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise ValueError("Say who does it, and why: somebody will ask.")


def _write_down(record: IdempotencyRecord, action: str, who: str, why: str) -> None:
    """Leave the line, and tell of it once it is committed."""
    IdempotencyAudit.objects.using(record._state.db).create(
        record=record.pk,
        endpoint=record.endpoint,
        scope=record.scope,
        action=action,
        attempt=record.attempt,
        who=who,
        why=why,
    )
    transaction.on_commit(
        partial(
            record_settled.send_robust, sender=None, action=action, endpoint=record.endpoint, mode=record.mode
        ),
        record._state.db,
        robust=True,
    )


def _now(record: IdempotencyRecord) -> Records:
    """The record as it is now, if it is still there."""
    return IdempotencyRecord.objects.using(record._state.db).filter(pk=record.pk)


def _resolve(record: IdempotencyRecord, snapshot: Snapshot | None, who: str, why: str) -> None:
    _say(who, why)
    alias = record._state.db
    connection = connections[alias or "default"]
    claims = claims_for(connection.vendor)
    hold = Hold(uuid4().hex, 1.0)
    # One transaction: between taking it and ending it nobody sees it held, and nothing is done without its line.
    with transaction.atomic(alias), connection.cursor() as cursor:
        # Taken over like by a retry, so the worker that was lost, if it comes back, finds that it is not its own.
        try:
            taken = record.owner and claims.leases.take(cursor, record.pk, record.owner.hex, *hold)
        except DatabaseError as error:
            if claims.code(error) not in claims.LOCKED:
                raise
            raise ResolutionRefused(COMMITTING) from error
        if not taken:
            raise ResolutionRefused(_reason(record))
        if snapshot is None:
            claims.leases.release(cursor, record.pk, hold.owner)
        else:
            identity = Identity(record.scope, record.endpoint, record.key, record.pk)
            entry = Entry(identity, record.fingerprint, Mode.LEASED, None, hold)
            made = Resource(record.resource_type, record.resource_id, record.resource_database).kept()
            with Discreet():
                claims.store(cursor, entry, snapshot, made)
        _write_down(record, "released" if snapshot is None else "completed", who, why)


def _reason(record: IdempotencyRecord) -> str:
    """Why a compare-and-set did not change a row."""
    now = _now(record).first()
    if now is None:
        return GONE
    if (now.owner, now.attempt) != (record.owner, record.attempt):
        return f"Another attempt has begun since you looked: it is attempt {now.attempt} now. Look again."
    if now.state == State.COMPLETED:
        return "It is completed; nothing is unknown about it."
    return "It is in flight: its lease still runs, and its worker may finish it. Wait for the lease to end."


def _why_not_expired(record: IdempotencyRecord) -> str:
    now = _now(record).first()
    if now is None:
        return GONE
    if now.state == State.IN_PROGRESS:
        return "It is in flight, or its lease has lapsed: wait for it, or resolve it. Only what is completed expires."
    if now.state == State.UNKNOWN:
        return "Its outcome is unknown: resolve it. Only what is completed expires."
    if now.completed_at != record.completed_at:
        return "Another request has completed with this key since you looked. Look again."
    if _now(record).filter(EXPIRED).exists():
        return "It has expired already: its key is free."
    return "Another session holds the record just now. Look again."
