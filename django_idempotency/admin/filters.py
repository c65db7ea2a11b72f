"""The filters of the list of records."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..choices import Mode
from ..claims.clock import Clock
from ..lookups import COMPLETED, EXPIRED, IN_FLIGHT, UNKNOWN, UNSETTLED
from ..models import IdempotencyCount
from ..tombstones import Records
from .reading import alias

# How long the endpoints that were asked are offered.
RECENT = timedelta(days=7)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)

Choices = Iterable[tuple[str, Any]]


class Filter(admin.SimpleListFilter):
    """One of a few conditions."""

    def conditions(self) -> dict[str, Q]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: Records) -> Records:
        condition = self.conditions().get(self.value() or "")
        return queryset if condition is None else queryset.filter(condition)


class StateFilter(Filter):
    """What is known by now. What is unsettled is found through an index of its own, however many records there are."""

    title = _("state")
    parameter_name = "state"
    # Their records are few.
    SETTLING = ("in_progress", "unknown")

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
            "unknown": UNSETTLED & UNKNOWN,
            "in_progress": UNSETTLED & IN_FLIGHT,
            "completed": COMPLETED & ~EXPIRED,
            "expired": EXPIRED,
            "tombstone": Q(resource_deleted_at__isnull=False),
        }


class ModeFilter(Filter):
    title = _("mode")
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(mode.value, mode.value) for mode in Mode]

    def conditions(self) -> dict[str, Q]:
        return {mode.value: Q(mode=mode.value) for mode in Mode}


class EndpointFilter(admin.SimpleListFilter):
    """Those that were asked lately, by the counts: to look for all of them in the records would read the whole table."""

    title = _("endpoint")
    parameter_name = "endpoint"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        counts = IdempotencyCount.objects.using(alias()).filter(hour__gte=Clock() - RECENT)
        asked = set(counts.values_list("endpoint", flat=True).distinct())
        if chosen := self.value():
            asked.add(chosen)
        return [(endpoint, endpoint) for endpoint in sorted(asked)]

    def queryset(self, request: HttpRequest, queryset: Records) -> Records:
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(endpoint=chosen)


class StatusFilter(Filter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(f"{first}xx", f"{first}xx") for first in "2345"]

    def conditions(self) -> dict[str, Q]:
        return {
            f"{first}xx": Q(response_status__gte=first * 100, response_status__lt=first * 100 + 100)
            for first in (2, 3, 4, 5)
        }


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


class ResourceFilter(Filter):
    title = _("object")
    parameter_name = "object"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return (("yes", _("Has one")), ("no", _("Has none")))

    def conditions(self) -> dict[str, Q]:
        return {"yes": ~Q(resource_type=""), "no": Q(resource_type="")}
