"""Resolving by hand what a request of mode leased has left unknown: a compare-and-set on what was seen, and a line about it."""

from uuid import uuid4

from django.db import DatabaseError, connections, transaction
from django.http import HttpResponse

from .choices import Mode, State
from .claims import claims_for
from .claims.base import Entry, Hold
from .exceptions import ResolutionRefused
from .identity import Identity
from .models import IdempotencyAudit, IdempotencyRecord
from .policy import IdempotencyPolicy
from .presets import DEFAULT
from .resources import Resource
from .responses import Snapshot, capture

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


def _resolve(record: IdempotencyRecord, snapshot: Snapshot | None, who: str, why: str) -> None:
    if not who.strip() or not why.strip():
        raise ValueError("Say who resolves it, and why: somebody will ask.")
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
            claims.store(cursor, entry, snapshot, made)
        IdempotencyAudit.objects.using(alias).create(
            record=record.pk,
            endpoint=record.endpoint,
            scope=record.scope,
            action="released" if snapshot is None else "completed",
            attempt=record.attempt,
            who=who,
            why=why,
        )


def _reason(record: IdempotencyRecord) -> str:
    """Why a compare-and-set did not change a row."""
    now = type(record)._default_manager.using(record._state.db).filter(pk=record.pk).first()
    if now is None:
        return "The record is gone: somebody has released it, or it has expired."
    if (now.owner, now.attempt) != (record.owner, record.attempt):
        return f"Another attempt has begun since you looked: it is attempt {now.attempt} now. Look again."
    if now.state == State.COMPLETED.value:
        return "It is completed; nothing is unknown about it."
    return "It is in flight: its lease still runs, and its worker may finish it. Wait for the lease to end."
