"""
Erasing all that one scope has left: an organization leaves, a person asks to be forgotten.

The digests of a scope are a range of the primary key, so no other scope's record is read, locked or waited for.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections, router
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from .claims import claims_for
from .identity import span
from .lookups import COMPLETED, IN_FLIGHT, UNKNOWN, within
from .models import IdempotencyAudit, IdempotencyRecord
from .tombstones import Records, change

logger = logging.getLogger("django_idempotency")


@dataclass(slots=True)
class Erased:
    """
    What was erased; in a dry run, what would be.

    Attributes:
        records: how many, their stored responses with them.
        audit_lines: how many, of what was done to its records by hand.
        in_flight: how many were left because a request holds them, or has made them meanwhile.
        unknown: how many were left because nobody knows what their requests have done.
    """

    records: int = 0
    audit_lines: int = 0
    in_flight: int = 0
    unknown: int = 0


def erase(
    scope: str,
    *,
    database: str | None = None,
    batch: int = 500,
    also_unknown: bool = False,
    dry_run: bool = False,
    progress: Callable[[Erased], object] | None = None,
) -> Erased:
    """
    Remove the records of a scope, expired or not, and the audit lines about them.

    Let nobody in any more before you call it: a request that is served meanwhile leaves a record of its own. It may be
    called again. An audit line stays for as long as its record is left.

    Args:
        scope: as the scope function says it, such as "organization:17".
        database: the alias of the records. None: where the router writes them.
        batch: how many rows one transaction removes at most.
        also_unknown: remove also what is unknown in mode leased, and with it all that is known of it: a retry would
            run again. What is in flight is left all the same.
        dry_run: count, and remove nothing.
        progress: called after each batch, with what was done so far.

    Raises:
        ScopeRequired: no record can have such a scope.
    """
    alias = database or router.db_for_write(IdempotencyRecord)
    records = within(scope, IdempotencyRecord.objects.using(alias))
    removable = COMPLETED | UNKNOWN if also_unknown else COMPLETED
    if dry_run:
        return _count(scope, records, removable, IN_FLIGHT if also_unknown else IN_FLIGHT | UNKNOWN)
    erased = Erased()
    remove = claims_for(connections[alias].vendor).remove
    for pks in _batches(records.filter(removable), batch):
        # The condition again: one may have been taken over since.
        erased.records += change(records.filter(removable, pk__in=pks), remove)
        if progress is not None:
            progress(erased)
    for pks in _batches(_lines(scope, records), batch):
        erased.audit_lines += IdempotencyAudit.objects.using(alias).filter(pk__in=pks).delete()[0]
        if progress is not None:
            progress(erased)
    left = records.aggregate(all=Count("pk"), unknown=Count("pk", filter=UNKNOWN))
    erased.unknown = left["unknown"]
    erased.in_flight = left["all"] - left["unknown"]
    logger.info(
        "Erased %d records and %d audit lines of one scope; %d in flight and %d unknown are left.",
        erased.records,
        erased.audit_lines,
        erased.in_flight,
        erased.unknown,
    )
    return erased


def _count(scope: str, records: Records, removable: Q, staying: Q) -> Erased:
    counts = records.aggregate(
        records=Count("pk", filter=removable),
        in_flight=Count("pk", filter=staying & IN_FLIGHT),
        unknown=Count("pk", filter=staying & UNKNOWN),
    )
    return Erased(audit_lines=_lines(scope, records.filter(staying)).count(), **counts)


def _lines(scope: str, staying: Records) -> "QuerySet[IdempotencyAudit]":
    """The audit lines of a scope, but for those of records that stay."""
    first, last = span(scope)
    lines = IdempotencyAudit.objects.using(staying.db).filter(record__gte=first, record__lt=last, scope=scope)
    return lines.exclude(Exists(staying.filter(pk=OuterRef("record"))))


def _batches(rows: "QuerySet[Any]", batch: int) -> Iterator[list[Any]]:
    """Primary keys, in their order."""
    left = rows.order_by("pk")
    while pks := list(left.values_list("pk", flat=True)[:batch]):
        yield pks
        left = left.filter(pk__gt=pks[-1])
