"""
Removing what has outlived its time.

Nothing depends on it: a record expires when it is read, and a deleted object is looked for when its record is
replayed. The purge gives the room back, and takes away what deleted objects have left in their records.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error, connections, router

from .choices import State
from .claims import claims_for
from .claims.clock import Clock
from .models import IdempotencyCount, IdempotencyPurge, IdempotencyRecord
from .signals import records_purged
from .tombstones import bound_objects, bury, change

logger = logging.getLogger("django_idempotency")

# How long the lines about purges, and the counts, are kept.
KEPT = timedelta(days=30)
# So many times as long as a batch takes, in which the database serves live requests alone.
REST = 5.0
# Seconds. Behind a batch that takes longer, live requests queue up: the next one is smaller.
BRIEF = 0.02
# With fewer records, a batch costs more than they do.
LEAST = 20


@dataclass(slots=True)
class Purged:
    """
    What a purge has done.

    Attributes:
        expired: how many records it removed.
        tombstones: how many it made of records whose object was gone.
        finished: whether it came to the end, within its bounds, and could look at all objects.
    """

    expired: int = 0
    tombstones: int = 0
    finished: bool = False


def purge(
    *,
    database: str | None = None,
    batch: int = 500,
    rows: int | None = None,
    seconds: float | None = None,
    rest: float = REST,
    progress: Callable[[Purged], object] | None = None,
) -> Purged:
    """
    Remove expired records and old counts, and make tombstones of the records whose object is gone.

    Never one in flight or unknown, and never one inside its retention. Each batch is a short transaction of its own
    that passes over what live requests hold; two purges at once do no harm.

    Args:
        database: the alias of the records. None: where the router writes them.
        batch: how many records one transaction changes at most; where they take long, fewer.
        rows: how many are changed in all. None: no bound.
        seconds: after which no batch begins any more. None: no bound.
        rest: sleeps so many times as long as each batch took, so that live requests do not feel it. 0: not at all, and
            no batch is smaller for taking long.
        progress: called after each batch, with what was done so far.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    run = _Run(database or router.db_for_write(IdempotencyRecord), rows)
    # In turns: no work keeps a purge with bounds from ever coming to the others.
    works = [
        run.remove_expired(Size(batch)),
        run.look_at_objects(Size(batch)),
        run.remove_counts(Size(batch)),
    ]
    while works and run.room(batch) and (deadline is None or time.monotonic() < deadline):
        began = time.monotonic()
        work = works.pop(0)
        if (size := next(work, None)) is not None:
            works.append(work)
            run.save()
            took = time.monotonic() - began
            if rest:
                size.learn(took)
            if progress is not None:
                progress(run.purged)
            time.sleep(rest * took)
    run.purged.finished = not works and not run.unseen
    run.end()
    return run.purged


class Size:
    """
    How many records a batch of one work takes.

    Where each of them is to be fetched from the disk, few take as long as many do elsewhere.
    """

    def __init__(self, most: int) -> None:
        self.now = self._most = most

    def learn(self, seconds: float) -> None:
        """Take what the last batch took for what the next one will."""
        brief = int(self.now * BRIEF / max(seconds, BRIEF / 2))  # and no more than twice as many
        self.now = min(self._most, max(LEAST, brief))


class _Run:
    """One purge, and the line about it, from which the next one knows where the look at the objects goes on."""

    def __init__(self, alias: str, rows: int | None) -> None:
        self.purged = Purged()
        self._alias = alias
        self._rows = rows
        self._claims = claims_for(connections[alias].vendor)
        self._lines = IdempotencyPurge.objects.using(alias)
        last = self._lines.order_by("-pk").first()
        self._at = (last.resource_type, last.resource_id) if last else ("", "")
        # Types of objects, and the databases where they could not be looked at.
        self.unseen: set[tuple[str, str]] = set()
        self._line = self._lines.filter(pk=self._lines.create(began_at=Clock()).pk)

    def room(self, size: int) -> int:
        """How many records the next batch of such a size may change."""
        done = self.purged.expired + self.purged.tombstones
        return size if self._rows is None else max(0, min(size, self._rows - done))

    def remove_expired(self, size: Size) -> Iterator[Size]:
        """Yield the size after each batch."""
        expired = IdempotencyRecord.objects.using(self._alias).filter(
            state=State.COMPLETED, expires_at__lte=Clock()
        )
        left = expired
        while batch := list(
            left.order_by("expires_at").values_list("pk", "expires_at")[: self.room(size.now)]
        ):
            # The condition again: a late retry may have taken one over since.
            chosen = expired.filter(pk__in=[pk for pk, _ in batch])
            removed = change(chosen, self._claims.remove)
            self.purged.expired += removed
            # Not over the index entries of the removed again; and past those that are held, if there are no others.
            latest = batch[-1][1]
            left = (
                expired.filter(expires_at__gte=latest) if removed else expired.filter(expires_at__gt=latest)
            )
            yield size

    def look_at_objects(self, size: Size) -> Iterator[Size]:
        """Yield the size after each batch."""
        while step := next(bound_objects(self._alias, self._at, size.now), None):
            type, found = step
            for database in sorted({database for _, database in found}):
                ids = sorted({id for id, where in found if where == database})
                while self._bury(type, ids, database, self.room(size.now)):
                    yield size
            self._at = type, found[-1][0]
            yield size
        self._at = "", ""

    def _bury(self, type: str, ids: list[str], database: str, most: int) -> bool:
        """
        Bury what is gone of these objects. Where they cannot be looked at, that keeps the purge from nothing else.

        Returns:
            whether there is more of it.
        """
        if not most:
            return True  # the next purge goes on here
        if (type, database) in self.unseen:
            return False
        try:
            made, more = bury(self._alias, type, ids, database, most)
        except Error as error:
            self.unseen.add((type, database))
            logger.error("The purge cannot look at %s on %r: %s", type, database, error.__class__.__name__)
            return False
        self.purged.tombstones += made
        return more

    def remove_counts(self, size: Size) -> Iterator[Size]:
        """Yield after each batch."""
        old = IdempotencyCount.objects.using(self._alias).filter(hour__lt=Clock() - KEPT).order_by("hour")
        while hours := old.values_list("hour", flat=True)[: size.now]:
            # All of the last hour, for a row has no number of its own that a batch could end at.
            old.filter(hour__lte=max(hours)).delete()
            yield size

    def save(self) -> None:
        """Write down how far it has come: a run that is killed is not begun all over again."""
        type, id = self._at
        done = self.purged
        self._line.update(
            expired=done.expired, tombstones=done.tombstones, resource_type=type, resource_id=id
        )

    def end(self) -> None:
        """Write the last line, and remove those of long ago."""
        self.save()
        self._line.update(ended_at=Clock())
        self._lines.filter(began_at__lt=Clock() - KEPT).delete()
        logger.info(
            "Purged %d expired records, and made %d tombstones%s.",
            self.purged.expired,
            self.purged.tombstones,
            "" if self.purged.finished else "; there is more",
        )
        records_purged.send_robust(sender=None, purged=self.purged, database=self._alias)
