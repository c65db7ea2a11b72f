"""How the list of records stays quick where there are millions: through indexes, and within bounds that it tells of."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest

from ..lookups import any_of, named
from ..models import IdempotencyRecord
from ..tombstones import Records
from .filters import AgeFilter, StateFilter
from .reading import alias

# Few filters have an index: it would cost each request a write. The others look at so many of the newest records.
WINDOW = 50_000


if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator


class BoundedPaginator(_Paginator):
    """Counts no further than to so many."""

    BOUND = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.BOUND)

    @property
    def there_are_more(self) -> bool:
        return self._counted > self.BOUND

    @cached_property
    def _counted(self) -> int:
        records: Any = self.object_list
        return int(records.order_by()[: self.BOUND + 1].count())


class RecordList(ChangeList):
    """
    The list.

    Attributes:
        window: how many of the newest records the filters have looked at; None where they looked at all.
    """

    window: int | None = None

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Records:
        # With the filters; what the search says is added here, where it is known what it means.
        records: Records = super().get_queryset(request, exclude_parameters)
        ways = named(self.query, IdempotencyRecord.objects.using(alias())) if self.query else {}
        if self.query:
            records = records.filter(any_of(ways))
        oldest = self._oldest(request, ways)
        return records if oldest is None else records.filter(created_at__gte=oldest)

    def _oldest(self, request: HttpRequest, ways: dict[str, Q]) -> datetime | None:
        """The time of the last record that the filters look at; None where they look at all."""
        filters = set(self.get_filters_params())
        few = self.params.get(StateFilter.parameter_name) in StateFilter.SETTLING or ways.keys() & {
            "key",
            "object",
        }
        if few or not filters - {AgeFilter.parameter_name} or (self.query and not ways):
            return None
        every: Any = IdempotencyRecord.objects.using(alias())
        for age in self.filter_specs:
            if isinstance(age, AgeFilter):
                every = age.queryset(request, every)
        newest = every.order_by("-created_at").values_list("created_at", flat=True)
        oldest: datetime | None = newest[WINDOW : WINDOW + 1].first()
        if oldest is not None:
            self.window = WINDOW
        return oldest
