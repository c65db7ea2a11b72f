"""How it goes: what was asked lately, by the counts, and what is there now."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Count, Q, Sum

from ..choices import Outcome
from ..claims import claims_for
from ..claims.clock import Clock
from ..counts import are_kept
from ..lookups import IN_FLIGHT, UNKNOWN, UNSETTLED
from ..models import IdempotencyCount, IdempotencyPurge, IdempotencyRecord
from ..schedules import next_run
from ..tombstones import Records
from .lists import BoundedPaginator
from .reading import alias
from .walks import WINDOW

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(hours=24), timedelta(days=7)
HOURS = 24
# Endpoints that the table names; the others are one line.
MOST = 20
OTHERS = ""

# Of the chart, in its own units.
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 160, 44, 20, 12
KINDS = ("executed", "replayed", "refused")


def kind(outcome: str) -> str:
    """What an outcome is in few words: the handler ran, or the answer was there, or there was none."""
    if outcome in (Outcome.REPLAYED, Outcome.POINTED):
        return "replayed"
    return "executed" if outcome in set(Outcome) else "refused"


@dataclass(slots=True)
class Load:
    """The requests of one endpoint."""

    day: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    week: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, outcome: str, day: int, week: int) -> None:
        self.day[kind(outcome)] += day
        self.week[kind(outcome)] += week


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of an hour's column."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """The last 24 hours, as a drawing and as a table."""

    hours: list[tuple[datetime, dict[str, int]]]
    # Hour by hour.
    columns: list[tuple[datetime, dict[str, int], list[Bar]]]
    # Where hours are written below it, and the numbers beside it.
    marks: list[tuple[float, datetime]]
    scale: list[tuple[float, int]]


def look() -> dict[str, Any]:
    """All that the page shows."""
    database = alias()
    records = IdempotencyRecord.objects.using(database)
    return {
        "counted": are_kept(),
        "loads": _loads(database),
        "chart": _chart(database),
        "now": _unsettled(records),
        "stored": _stored(records),
        "whole_file": connections[database].vendor == "sqlite",
        "last_purge": IdempotencyPurge.objects.using(database).order_by("-pk").first(),
        "next_purge": next_run(),
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
    }


def _unsettled(records: Records) -> dict[str, Any]:
    """How many are in flight and unknown; among so many of both, should there ever be more."""
    among = records.filter(UNSETTLED)[: WINDOW + 1]
    found = among.aggregate(
        all=Count("pk"), in_flight=Count("pk", filter=IN_FLIGHT), unknown=Count("pk", filter=UNKNOWN)
    )
    return {**found, "more": found["all"] > WINDOW}


def _stored(records: Records) -> dict[str, Any]:
    """How many records there are, by the database's estimate where they are many, and their bytes."""
    connection = connections[records.db]
    with connection.cursor() as cursor:
        estimate, size = claims_for(connection.vendor).size(cursor)
    few = records.order_by("created_at")[: BoundedPaginator.BOUND + 1].count()
    many = few > BoundedPaginator.BOUND
    return {"records": max(estimate or 0, few) if many else few, "about": many, "bytes": size}


def _loads(database: str) -> list[tuple[str, Load]]:
    """Endpoint by endpoint, the busiest first."""
    counts = IdempotencyCount.objects.using(database).filter(hour__gt=Clock() - WEEK)
    lately = Sum("requests", filter=Q(hour__gt=Clock() - DAY), default=0)
    loads: dict[str, Load] = defaultdict(Load)
    for endpoint, outcome, day, week in counts.values_list("endpoint", "outcome").annotate(
        day=lately, week=Sum("requests")
    ):
        loads[endpoint].add(outcome, day, week)
    busiest = sorted(loads.items(), key=lambda pair: (-sum(pair[1].week.values()), pair[0]))
    others = Load()
    for _, load in busiest[MOST:]:
        for each in KINDS:
            others.day[each] += load.day[each]
            others.week[each] += load.week[each]
    return [*busiest[:MOST], *([(OTHERS, others)] if busiest[MOST:] else [])]


def _chart(database: str) -> Chart | None:
    counts = IdempotencyCount.objects.using(database).filter(hour__gt=Clock() - DAY)
    hours: dict[datetime, dict[str, int]] = {}
    for hour, outcome, requests, now in counts.values_list("hour", "outcome").annotate(
        sum=Sum("requests"), now=Clock()
    ):
        if not hours:
            # Of UTC, which may begin at half past elsewhere.
            latest = now.replace(minute=hour.minute, second=0, microsecond=0)
            latest -= HOUR * (latest > now)
            hours = {latest - HOUR * back: dict.fromkeys(KINDS, 0) for back in reversed(range(HOURS))}
        if hour in hours:
            hours[hour][kind(outcome)] += requests
    return _drawn(list(hours.items())) if hours else None


def _drawn(hours: list[tuple[datetime, dict[str, int]]]) -> Chart:
    most = _round(max(sum(counts.values()) for _, counts in hours))
    step, room = (WIDTH - LEFT) / len(hours), HEIGHT - BOTTOM - TOP
    columns = []
    for number, (hour, counts) in enumerate(hours):
        base, bars = float(HEIGHT - BOTTOM), []
        for each in KINDS:
            if height := counts[each] / most * room:
                base -= height
                left = LEFT + number * step + 1
                bars.append(Bar(each, round(left, 2), round(base, 2), round(step - 2, 2), round(height, 2)))
        columns.append((hour, counts, bars))
    marks = [(round(LEFT + (number + 0.5) * step, 2), hour) for number, (hour, _) in enumerate(hours)][::4]
    scale: Iterable[tuple[float, int]] = (
        (HEIGHT - BOTTOM - room * part / 2, most * part // 2) for part in range(3)
    )
    return Chart(hours, columns, marks, list(scale))


def _round(most: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 ..., so that the half of it is a whole number too."""
    power = 1
    while True:
        for step in (2, 4, 10):
            if most <= step * power:
                return step * power
        power *= 10
