"""
What a record becomes when the object that it is bound to is deleted: a tombstone, without body and headers.

It answers `not_found` until its retention ends: a late retry must not silently make the object again.
"""

from collections.abc import Callable, Collection, Iterator
from typing import TypeAlias

from django.db import connections, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from .choices import State
from .claims.clock import Clock
from .conf import settings
from .models import IdempotencyRecord
from .resources import Resource

Records: TypeAlias = "QuerySet[IdempotencyRecord]"

# How many records, or objects, a statement takes.
BATCH = 500


def bury(alias: str, type: str, ids: Collection[str], database: str, most: int = BATCH) -> tuple[int, bool]:
    """
    Make tombstones of the records of those of the objects that are gone; a few hundred objects at a time.

    Args:
        alias: where the records are.
        type, ids, database: where the objects are, as `Resource` has it.
        most: how many records are changed.

    Returns:
        how many it made, and whether it is to be called again for more. A record that another session holds is left to
        the next purge.
    """
    gone = Resource.gone(type, database, ids)
    if not gone:
        return 0, False
    bound = standing(alias).filter(resource_type=type, resource_database=database)
    live = Q(expires_at=None) | Q(expires_at__gt=Clock())
    of_gone = bound.filter(live, resource_id__in=gone).values_list("pk", "resource_id", Clock())
    noted = list(of_gone[: most + 1])
    more, noted = len(noted) > most, noted[:most]
    # The look that counts comes after the note, for a key may be used again. An object that is made anew has a record
    # that is not in the note; or one of the same key, which had expired, and then it was completed after the note.
    gone = Resource.gone(type, database, {id for _, id, _ in noted})
    if not gone:
        return 0, False
    bound = bound.filter(
        pk__in=[pk for pk, id, _ in noted if id in gone], completed_at__lte=min(at for *_, at in noted)
    )
    made = change(
        bound,
        lambda records: records.update(
            response_body=None,
            response_headers="",
            sealed_with="",
            resource_deleted_at=Clock(),
            expires_at=Coalesce(F("expires_at"), Clock() + settings().TOMBSTONE_LIFETIME),
        ),
    )
    return made, more and made == most  # else the same would be found again


def standing(alias: str) -> Records:
    """The records that could become tombstones."""
    # Not one in flight, which shows what it is about to make, and not one whose outcome is unknown.
    completed = IdempotencyRecord.objects.using(alias).filter(state=State.COMPLETED)
    return completed.filter(resource_deleted_at=None)


def bound_objects(
    alias: str, after: tuple[str, str], batch: int
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """
    Go through the objects that records are bound to, in the order of an index.

    Args:
        after: type and id to begin behind; ("", "") for the beginning.

    Yields:
        a type, and up to `batch` pairs of id and database.
    """
    type, id = after
    while True:
        bound = standing(alias).filter(resource_type=type, resource_id__gt=id).order_by("resource_id")
        places = bound.values_list("resource_id", "resource_database")
        rows = list(places[:batch]) if type else []
        if rows:
            id = rows[-1][0]
            if len(rows) == batch:  # the rest of the last id, which may be there in other databases
                rows += places.filter(resource_id=id).distinct()
            yield type, rows
            continue
        types = standing(alias).filter(resource_type__gt=type).order_by("resource_type")
        type, id = types.values_list("resource_type", flat=True).first() or "", ""
        if not type:
            return


def change(records: Records, action: Callable[[Records], int]) -> int:
    """Do something to those of the records that no other session holds, in one short transaction."""
    if not connections[records.db].features.has_select_for_update_skip_locked:
        return action(records)  # SQLite has one writer, whose transaction must not begin with a read
    with transaction.atomic(records.db):
        free = list(records.select_for_update(skip_locked=True).values_list("pk", flat=True))
        # They are ours now, and these conditions hold.
        return action(IdempotencyRecord.objects.using(records.db).filter(pk__in=free)) if free else 0
