"""The filters of the list of records. Each says how it narrows a `Walk`, for few conditions have an index."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..choices import Mode
from ..claims.clock import Clock
from ..lookups import COMPLETED, EXPIRED, IN_FLIGHT, UNKNOWN, UNSETTLED
from ..models import IdempotencyCount, IdempotencyRecord
from ..tombstones import Records
from .reading import alias
from .walks import Walk

# How long the endpoints that were asked are offered; where none was counted, those of so many of the newest records.
RECENT, NEWEST = timedelta(days=7), 1_000
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)

Choices = Iterable[tuple[str, Any]]


class Filter(admin.SimpleListFilter):
    """One of a few conditions."""

    def conditions(self) -> dict[str, Q]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: Records) -> Records:
        return queryset  # the list asks `narrowed` instead

    def narrowed(self, walk: Walk) -> Walk:
        """Keep of a walk what was chosen."""
        chosen = self.value()
        if chosen is None:
            return walk
        condition = self.conditions().get(chosen)
        if condition is None:
            raise IncorrectLookupParameters
        return self.apply(chosen, condition, walk)

    def apply(self, chosen: str, condition: Q, walk: Walk) -> Walk:
        """The same for one that has no index, as most have none."""
        return walk.asking(lambda records: records.filter(condition))


class StateFilter(Filter):
    """What is known by now. What is unsettled is found through an index of its own, however many records there are."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return (
            ("unknown", _("Unknown")),
            ("in_progress", _("In flight")),
            ("completed", _("Completed")),
            ("expired", _("Expired")),
            ("tombstone", _("Object deleted")),
        )

    def conditions(self) -> dict[str, Q]:
        return {
            "unknown": UNKNOWN,
            "in_progress": IN_FLIGHT,
            "completed": COMPLETED & ~EXPIRED,
            "expired": EXPIRED,
            "tombstone": Q(resource_deleted_at__isnull=False),
        }

    def apply(self, chosen: str, condition: Q, walk: Walk) -> Walk:
        if chosen == "expired":  # of many records the newest are live
            walk = walk.within(Q(expires_at__lte=Clock())).by("expires_at")
        if chosen in ("unknown", "in_progress"):
            walk = walk.within(UNSETTLED)
        return super().apply(chosen, condition, walk)


class ModeFilter(Filter):
    title = _("mode")
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(mode, mode) for mode in Mode]

    def conditions(self) -> dict[str, Q]:
        return {mode: Q(mode=mode) for mode in Mode}


class EndpointFilter(Filter):
    """Those of late: to look for all of them in the records would read the whole table. Any other may be in the URL."""

    title = _("endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        counts = IdempotencyCount.objects.using(alias()).filter(hour__gte=Clock() - RECENT)
        names = set(counts.values_list("endpoint", flat=True).distinct())
        if not names:  # they are not counted, or not yet
            records = IdempotencyRecord.objects.using(alias()).order_by("-created_at")
            names = set(records.values_list("endpoint", flat=True)[:NEWEST])
        if chosen := self.value():
            names.add(chosen)
        return [(name, name) for name in sorted(names)]

    def conditions(self) -> dict[str, Q]:
        chosen = self.value() or ""
        return {chosen: Q(endpoint=chosen)}


class StatusFilter(Filter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [*((f"{first}xx", f"{first}xx") for first in "2345"), ("none", _("None yet"))]

    def conditions(self) -> dict[str, Q]:
        return {
            f"{first}xx": Q(response_status__gte=first * 100, response_status__lt=first * 100 + 100)
            for first in (2, 3, 4, 5)
        } | {"none": Q(response_status=None)}


class AgeFilter(Filter):
    """By the first request, on the database's clock."""

    title = _("age")
    parameter_name = "age"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return (
            ("hour", _("Up to an hour")),
            ("day", _("Up to a day")),
            ("week", _("Up to a week")),
            ("over-day", _("More than a day")),
            ("over-week", _("More than a week")),
        )

    def conditions(self) -> dict[str, Q]:
        return {
            "hour": Q(created_at__gt=Clock() - HOUR),
            "day": Q(created_at__gt=Clock() - DAY),
            "week": Q(created_at__gt=Clock() - WEEK),
            "over-day": Q(created_at__lte=Clock() - DAY),
            "over-week": Q(created_at__lte=Clock() - WEEK),
        }

    def apply(self, chosen: str, condition: Q, walk: Walk) -> Walk:
        return (
            walk.within(condition) if walk.field == "created_at" else super().apply(chosen, condition, walk)
        )


class ResourceFilter(Filter):
    title = _("object")
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return (("yes", _("Has one")), ("no", _("Has none")))

    def conditions(self) -> dict[str, Q]:
        return {"yes": ~Q(resource_type=""), "no": Q(resource_type="")}


# The state comes first: it says through which index they are walked.
FILTERS = (StateFilter, ModeFilter, EndpointFilter, StatusFilter, AgeFilter, ResourceFilter)
