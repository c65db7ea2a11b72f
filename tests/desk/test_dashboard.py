"""How it goes, above the list: by the counts, and by what is there now."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from django_idempotency.admin import dashboard
from django_idempotency.admin.dashboard import HEIGHT, TOP, kind
from django_idempotency.admin.lists import BoundedPaginator
from django_idempotency.choices import Outcome
from django_idempotency.models import IdempotencyCount
from django_idempotency.purge import purge
from tests.desk.site import LIST, staff, statements, text
from tests.errors import ERRORS
from tests.operate.records import completed, leased
from tests.rig import Database

pytestmark = [
    pytest.mark.urls("tests.desk.site"),
    pytest.mark.filterwarnings("error"),
]

HOUR = timedelta(hours=1)


def counted(ago: int, endpoint: str, outcome: str, requests: int) -> None:
    """Count in the hour that was so many hours ago."""
    IdempotencyCount.objects.create(
        hour=this_hour() - ago * HOUR, endpoint=endpoint, outcome=outcome, requests=requests
    )


def this_hour() -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0)


def look() -> Any:
    return staff().get(LIST)


def test_every_outcome_is_of_some_kind() -> None:
    """REQ 27: each outcome is an execution, a replay or a refusal, a new one included."""
    assert {each.value: kind(each.value) for each in Outcome} == {
        "executed": "executed",
        "released": "executed",
        "failed": "executed",
        "replayed": "replayed",
        "pointed": "replayed",
    }
    assert {kind(error.code) for error in ERRORS} == {"refused"}


def test_requests_by_endpoint(database: Database) -> None:
    """REQ 27: over 24 hours and over 7 days, the busiest endpoint first."""
    counted(1, "POST orders", "executed", 5)
    counted(2, "POST orders", "idempotency_conflict", 1)
    counted(30, "POST orders", "replayed", 7)
    counted(3, "POST refunds", "failed", 99)
    counted(24 * 8, "POST orders", "executed", 1000)
    loads = look().context["dashboard"]["loads"]
    assert [(endpoint, load.day, load.week) for endpoint, load in loads] == [
        ("POST refunds", *[{"executed": 99, "replayed": 0, "refused": 0}] * 2),
        (
            "POST orders",
            {"executed": 5, "replayed": 0, "refused": 1},
            {"executed": 5, "replayed": 7, "refused": 1},
        ),
    ]


def test_the_chart(database: Database) -> None:
    """REQ 27: 24 hours, the last one last, drawn to one scale, and the same numbers as a table."""
    counted(0, "POST orders", "executed", 30)
    counted(0, "POST refunds", "executed", 10)
    counted(0, "POST orders", "replayed", 40)
    counted(5, "POST orders", "idempotency_conflict", 20)
    page = look()
    chart = page.context["dashboard"]["chart"]
    assert len(chart.hours) == 24
    assert chart.hours[-1][1] == {"executed": 40, "replayed": 40, "refused": 0}
    assert chart.hours[-6][1] == {"executed": 0, "replayed": 0, "refused": 20}
    assert [number for _, number in chart.scale] == [0, 50, 100]
    bars = [bar for _, _, column in chart.columns for bar in column]
    heights = {(bar.kind, bar.x): bar.height for bar in bars}
    assert sorted(heights.values(), reverse=True)[0] == 2 * sorted(heights.values())[0]
    assert all(bar.y >= TOP and bar.y + bar.height <= HEIGHT for bar in bars)
    html = page.content.decode()
    assert html.count("<rect ") == 3
    assert 'role="img"' in html
    assert " style=" not in html.split('class="idempotency-dashboard"')[1].split("</details>")[0]


@pytest.mark.databases("postgresql")
def test_hours_that_begin_at_half_past(database: Database) -> None:
    """REQ 27: where local hours are not UTC's, the chart shows what was counted all the same."""
    counted(0, "POST orders", "executed", 5)
    counted(23, "POST orders", "executed", 2)
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Kolkata"):
        database.reconfigure()
        chart = look().context["dashboard"]["chart"]
    database.reconfigure()
    assert [chart.hours[at][1]["executed"] for at in (0, -1)] == [2, 5]


def test_what_is_there_now(database: Database) -> None:
    """REQ 26: what is in flight and unknown in mode leased, with a way to it; what is stored, and the last purge."""
    leased("held", left=HOUR)
    leased("lapsed", left=-HOUR)
    leased("lost", left=None)
    completed("over", age=48 * HOUR)
    purge(rest=0.0)
    page = look()
    shown = page.context["dashboard"]
    assert (shown["now"]["in_flight"], shown["now"]["unknown"]) == (1, 2)
    assert '<a href="?state=unknown">2</a>' in page.content.decode()
    assert (shown["stored"]["records"], shown["stored"]["about"]) == (3, False)
    assert shown["stored"]["bytes"] > 0
    assert "1 expired, 0 tombstones" in text(page)
    assert "not by django-celery-beat" in text(page)
    assert "it cannot get stuck" in text(page)


def test_nothing_yet(database: Database) -> None:
    """REQ 27: an empty page says that nothing was counted, or that counting is off."""
    with override_settings(IDEMPOTENCY={"COUNTS": True}):
        assert "No guarded request was counted" in text(look())


def test_counting_is_off(database: Database) -> None:
    """REQ 27: it says so, where the settings say so."""
    with override_settings(IDEMPOTENCY={"COUNTS": False}):
        assert "COUNTS is off in the settings" in text(look())


def test_more_than_are_counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: of very many the page says that there are more, or how many the database estimates."""
    monkeypatch.setattr(dashboard, "WINDOW", 2)
    monkeypatch.setattr(BoundedPaginator, "BOUND", 2)
    for number in range(3):
        leased(f"lost-{number}", left=None)
    shown = look()
    assert "at least 2" in text(shown) or "at least 3" in text(shown)
    assert "Records, by an estimate" in text(shown)
    assert shown.context["dashboard"]["stored"]["records"] >= 3


def test_many_endpoints(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 27: the busiest have a line each, and all others one together."""
    monkeypatch.setattr(dashboard, "MOST", 1)
    for number in range(3):
        counted(1, f"POST {number}", "executed", 10 - number)
        counted(48, f"POST {number}", "idempotency_conflict", 1)
    page = look()
    assert [
        (name, load.day["executed"], load.week["refused"])
        for name, load in page.context["dashboard"]["loads"]
    ] == [
        ("POST 0", 10, 1),
        ("", 17, 2),
    ]
    assert "all others" in text(page)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("language", ["de", "en"])
def test_numbers_of_a_language_stay_out_of_the_drawing(database: Database, language: str) -> None:
    """REQ 29: where numbers are written with other signs, the drawing is the same, and the table is not."""
    counted(1, "POST orders", "executed", 123_456)
    with override_settings(LANGUAGE_CODE=language, USE_THOUSAND_SEPARATOR=True):
        html = look().content.decode()
    drawing = html.split("<svg class")[1].split("</svg>")[0]
    for number in re.findall(r' (?:x|y|x1|x2|y1|y2|width|height)="([^"]*)"', drawing):
        float(number)
    assert ("123.456" if language == "de" else "123,456") in html


@pytest.mark.databases("sqlite")
def test_who_searches_does_not_wait_for_it(database: Database) -> None:
    """REQ 26: the figures stand above the list as one comes to it, and not above what somebody looks for."""
    client = staff()
    for query in ({"q": "k"}, {"state": "unknown"}, {"p": "1"}):
        assert client.get(LIST, query).context["dashboard"] is None


def test_it_reads_no_table_from_end_to_end(database: Database) -> None:
    """REQ 27: the counts are read three times, once for the filter; of the records no more than so many are counted."""
    client = staff()
    client.get(LIST)
    with statements() as ran:
        client.get(LIST)
    assert len([sql for sql in ran if "idempotency_count" in sql]) == 3
    counting = [sql for sql in ran if "COUNT(" in sql and "idempotency_record" in sql]
    assert len(counting) == 3
    assert all("LIMIT" in sql for sql in counting)
    assert len(ran) <= 16
