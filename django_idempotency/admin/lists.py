"""The list of records: how a page of it is found, and what is said about that."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime

from ..tombstones import Records
from . import search, walks

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

# In the URL: what was looked at already is newer than this.
BEFORE = "before"


class BoundedPaginator(_Paginator):
    """Counts, and pages through, no more than so many."""

    BOUND = 10_000

    @cached_property
    def count(self) -> int:
        return min(self._counted, self.BOUND)

    @property
    def there_are_more(self) -> bool:
        return self._counted > self.BOUND

    @cached_property
    def _counted(self) -> int:
        # In their order, or a database may look for them from the wrong end of the table.
        records: Any = self.object_list
        return int(records[: self.BOUND + 1].count())


class RecordList(ChangeList):
    """
    The list.

    Attributes:
        oldest: the time at which the look at the records has ended; None where it saw them all.
        common: what the search has meant more than a few records by: "key", "scope" or "object".
    """

    oldest: datetime | None = None
    common: str = ""

    def get_filters_params(self, params: Any = None) -> Any:
        return {name: value for name, value in super().get_filters_params(params).items() if name != BEFORE}

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Records:
        # As Django's own does it, but through a walk, and by nothing that has no filter.
        self.filter_specs, self.has_filters, others, _, self.has_active_filters = self.get_filters(request)
        if others:
            raise IncorrectLookupParameters
        self.clear_all_filters_qs = self.get_query_string(remove=[*self.get_filters_params(), BEFORE])
        walk = self._walk(walks.Walk(self.root_queryset))
        self.oldest = walk.oldest()
        return walk.found(self.oldest)

    def _walk(self, walk: walks.Walk) -> walks.Walk:
        if self.query:
            walk, self.common = search.search(self.query, walk)
        specs: list[Any] = self.filter_specs
        for spec in specs:
            walk = spec.narrowed(walk)
        return walk.older_than(self._before()) if BEFORE in self.params else walk

    def _before(self) -> datetime:
        try:
            before = parse_datetime(self.params[BEFORE])
        except ValueError:
            before = None
        if before is None:
            raise IncorrectLookupParameters
        return before

    @property
    def further(self) -> str:
        """The same list, of the records before those that were looked at."""
        return str(self.get_query_string({BEFORE: self.oldest and self.oldest.isoformat()}))

    @property
    def window(self) -> int:
        """How many were looked at."""
        return walks.WINDOW

    @property
    def few(self) -> int:
        """How many the search finds wherever they are."""
        return search.FEW
