"""Stored bodies that are encrypted: opening one for its replay, and encrypting all of them with a new key."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.views.decorators.debug import sensitive_variables

from .ciphers import Ring, Unreadable, open_body, ring
from .claims.base import Row
from .claims.discretion import Discreet
from .identity import Identity
from .models import IdempotencyRecord
from .tombstones import Records, change

logger = logging.getLogger("django_idempotency")


def opened(identity: Identity, row: Row) -> Row:
    """The row with its body as it was sent; without one, where it cannot be decrypted any more."""
    if not row.sealed_with or row.response_body is None:
        return row
    try:
        body: bytes | None = open_body(identity.digest, bytes(row.response_body), row.sealed_with)
    except Unreadable as error:
        logger.error("The stored body of record %s cannot be decrypted: %s.", identity.digest[:24], error)
        body = None
    return row._replace(response_body=body, sealed_with="")


@dataclass(slots=True)
class Rotated:
    """
    What a rotation has done.

    Attributes:
        rotated: how many bodies it has encrypted with the first key.
        unreadable: how many cannot be decrypted: their key is gone, or they are damaged. They stay as they are.
        left: how many are still to be done: past the bounds, or held by live requests. Known at the end.
    """

    rotated: int = 0
    unreadable: int = 0
    left: int = 0


def rotate(
    *,
    database: str | None = None,
    batch: int = 500,
    rows: int | None = None,
    seconds: float | None = None,
    rest: float = 1.0,
    progress: Callable[[Rotated], object] | None = None,
) -> Rotated:
    """
    Encrypt with the first of the keys every stored body that is not: by an older key so far, or not at all.

    Each batch is a short transaction of its own that passes over what live requests hold. A run that is stopped is
    gone on with by the next one: what is done carries the id of the new key.

    Args:
        database: the alias of the records. None: where the router writes them.
        batch: how many records one transaction changes at most.
        rows: how many are changed in all. None: no bound.
        seconds: after which no batch begins any more. None: no bound.
        rest: sleeps so many times as long as each batch took, so that live requests do not feel it.
        progress: called after each batch, with what was done so far.

    Raises:
        ImproperlyConfigured: there are no keys, or bad ones.
    """
    keys = ring()
    if keys is None:
        raise ImproperlyConfigured(
            'IDEMPOTENCY["ENCRYPTION_KEYS"] is empty: there is no key to encrypt with.'
        )
    deadline = None if seconds is None else time.monotonic() + seconds
    run = _Rotation(keys, database or router.db_for_write(IdempotencyRecord))
    batches = run.batches(batch, rows)
    began = time.monotonic()
    while (deadline is None or began < deadline) and next(batches, None):
        if progress is not None:
            progress(run.done)
        time.sleep(rest * (time.monotonic() - began))
        began = time.monotonic()
    run.count()
    return run.done


class _Rotation:
    """One run."""

    def __init__(self, keys: Ring, alias: str) -> None:
        self.done = Rotated()
        self._keys = keys
        self._damaged = 0
        # In flight or unknown, a record has no body.
        self._stored = IdempotencyRecord.objects.using(alias).filter(response_body__isnull=False)
        self._older = self._stored.filter(sealed_with__in=["", *(keys.ids - {keys.first})])

    def batches(self, batch: int, rows: int | None) -> Iterator[bool]:
        """Go once through the records, in the order of their ids; yield after each batch."""
        after = ""
        while room := batch if rows is None else min(batch, rows - self.done.rotated):
            chosen = list(self._older.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:room])
            if not chosen:
                return
            self.done.rotated += change(self._older.filter(pk__in=chosen), self._seal)
            after = chosen[-1]
            yield True

    def _seal(self, records: Records) -> int:
        # One by one: bodies may be large.
        return sum(self._seal_one(records.filter(pk=pk)) for pk in records.values_list("pk", flat=True))

    @sensitive_variables()
    def _seal_one(self, record: Records) -> int:
        with Discreet():
            found = record.values_list("pk", "response_body", "sealed_with").first()
            if found is None or (stored := found[1]) is None:  # purged, or a tombstone, since
                return 0
            pk, _, sealed_with = found
            try:
                body = self._keys.seal(pk, open_body(pk, bytes(stored), sealed_with))
            except Unreadable:
                self._damaged += 1
                self.done.unreadable += 1
                return 0
            # A compare-and-set: SQLite holds no lock, and another request may have stored its own since.
            seen = record.filter(sealed_with=sealed_with, response_body=stored)
            return seen.update(response_body=body, sealed_with=self._keys.first)

    def count(self) -> None:
        """Look at what is left."""
        self.done.unreadable = (
            self._damaged + self._stored.exclude(sealed_with__in=["", *self._keys.ids]).count()
        )
        self.done.left = max(0, self._older.count() - self._damaged)
        logger.info(
            "Encrypted %d stored bodies with the first key; %d are unreadable, %d are left.",
            self.done.rotated,
            self.done.unreadable,
            self.done.left,
        )
