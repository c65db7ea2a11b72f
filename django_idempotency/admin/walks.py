"""
How far a page of the list looks, so that a table of millions answers at once.

What has an index is looked up in it. What has none is asked of a window only: of the newest records in the order of
that index. The page says so, and offers to look further back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from django.db.models import Q
from django.db.models.functions import Coalesce

from ..tombstones import Records

# So many are looked at for what no index holds.
WINDOW = 50_000

Narrow: TypeAlias = Callable[[Records], Records]


@dataclass(frozen=True, slots=True)
class Walk:
    """
    A way through the records, the newest first.

    Attributes:
        records: what an index holds.
        field: the time in whose order that index is.
        narrows: what no index holds.
        few: whether the records are few, so that they need no window.
    """

    records: Records
    field: str = "created_at"
    narrows: tuple[Narrow, ...] = ()
    few: bool = False

    def within(self, condition: Q) -> "Walk":
        """Look only at what an index holds."""
        return replace(self, records=self.records.filter(condition))

    def older_than(self, time: datetime) -> "Walk":
        """Leave out what was looked at before."""
        return self.within(Q(**{f"{self.field}__lt": time}))

    def by(self, field: str) -> "Walk":
        """Go in the order of another time."""
        return replace(self, field=field)

    def asking(self, narrow: Narrow) -> "Walk":
        """Ask something of each record."""
        return replace(self, narrows=(*self.narrows, narrow))

    def among(self, pks: list[str]) -> "Walk":
        """Look at a few known ones."""
        return replace(self, records=self.records.filter(pk__in=pks), few=True)

    def oldest(self) -> datetime | None:
        """The time at which the window ends; None where it holds them all, or none is needed."""
        if self.few or not self.narrows:
            return None
        times = self.records.order_by(f"-{self.field}").values_list(self.field, flat=True)
        last = list(times[WINDOW - 1 : WINDOW + 1])
        return last[0] if len(last) > 1 else None

    def found(self, oldest: datetime | None) -> Records:
        """The records that are looked for, the newest first."""
        records = self.records if oldest is None else self.records.filter(**{f"{self.field}__gte": oldest})
        for narrow in self.narrows:
            records = narrow(records)
        # A few are sorted. By the bare column, a database might go through its index for them, from end to end.
        latest = Coalesce(self.field, "completed_at").desc() if self.few else f"-{self.field}"
        return records.order_by(latest, "-pk")
