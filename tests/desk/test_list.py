"""The list of records: found by what a person knows, and quick however many there are."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from django_idempotency.admin import RecordAdmin, lists, search, walks
from django_idempotency.models import IdempotencyCount, IdempotencyRecord
from tests.desk.site import LIST, explained, many, shown, staff, statements, text
from tests.operate.records import completed, leased
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.desk.site")

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def _records(database: Database) -> None:
    completed("old", age=3 * DAY, lifetime=None, endpoint="POST refunds", response_status=303)
    completed("over", "bob", age=2 * DAY, resource_type="app.effect", resource_id="17")
    completed("gone", age=20 * HOUR, resource_deleted_at=timezone.now(), response_body=None)
    completed("new", age=3 * HOUR, response_status=402)
    leased("lapsed", left=-HOUR)
    leased("held", left=HOUR)
    leased("lost", left=None)


def listed(**query: str) -> list[str]:
    return shown(staff().get(LIST, query))


def test_newest_first() -> None:
    """REQ 26: the list begins with what was asked last."""
    keys = listed()
    assert set(keys[:3]) == {"lapsed", "held", "lost"}
    assert keys[3:] == ["new", "gone", "over", "old"]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ({"state": "unknown"}, {"lapsed", "lost"}),
        ({"state": "in_progress"}, {"held"}),
        ({"state": "completed"}, {"old", "gone", "new"}),
        ({"state": "expired"}, {"over"}),
        ({"state": "tombstone"}, {"gone"}),
        ({"mode": "leased"}, {"lapsed", "held", "lost"}),
        ({"mode": "leased", "state": "unknown"}, {"lapsed", "lost"}),
        ({"endpoint": "POST refunds"}, {"old"}),
        ({"endpoint": "POST nothing"}, set()),
        ({"status": "3xx"}, {"old"}),
        ({"status": "4xx"}, {"new"}),
        ({"age": "hour"}, {"lapsed", "held", "lost"}),
        ({"age": "over-day"}, {"over", "old"}),
        ({"status": "none"}, {"lapsed", "held", "lost"}),
        ({"state": "expired", "age": "over-day"}, {"over"}),
        ({"state": "expired", "age": "day"}, set()),
        ({"object": "yes"}, {"over"}),
        ({"object": "no", "age": "over-day"}, {"old"}),
        ({"q": "new"}, {"new"}),
        ({"q": "bob"}, {"over"}),
        ({"q": "alice", "mode": "atomic"}, {"old", "gone", "new"}),
        ({"q": "app.effect:17"}, {"over"}),
        ({"q": "17"}, {"over"}),
        ({"q": "ne"}, set()),
        ({"q": "NEW"}, set()),
        ({"q": " new\t"}, {"new"}),
        ({"q": "key=new"}, {"new"}),
        ({"q": "key=new "}, set()),
        ({"q": "key=alice"}, set()),
        ({"q": "scope=bob"}, {"over"}),
        ({"q": "object=17"}, {"over"}),
        ({"q": "object=app.Effect:17"}, {"over"}),
        ({"q": "object=shop.gone:17"}, set()),
        ({"q": "x" * 300}, set()),
        ({"q": " "}, set()),
        ({"q": "n%"}, set()),
        ({"q": "schlüssel"}, set()),
    ],
)
def test_found(query: dict[str, str], keys: set[str]) -> None:
    """REQ 26: each filter, alone and together, and a search to the letter for a key, a scope or an object."""
    assert set(listed(**query)) == keys


def test_the_endpoints_that_are_offered(database: Database) -> None:
    """REQ 26: those that were counted in the last week, without a look at the records."""
    now = timezone.now()
    for endpoint, age in (("POST orders", HOUR), ("POST ancient", 30 * DAY)):
        IdempotencyCount.objects.create(hour=now - age, endpoint=endpoint, outcome="executed", requests=1)
    page = staff().get(LIST)
    (endpoints,) = [spec for spec in page.context["cl"].filter_specs if spec.parameter_name == "endpoint"]
    assert endpoints.lookup_choices == [("POST orders", "POST orders")]


@pytest.mark.databases("sqlite")
def test_endpoints_that_nobody_counts(database: Database) -> None:
    """REQ 26: where nothing was counted, the endpoints of the newest records are offered."""
    page = staff().get(LIST)
    (endpoints,) = [spec for spec in page.context["cl"].filter_specs if spec.parameter_name == "endpoint"]
    assert [name for name, _ in endpoints.lookup_choices] == ["POST orders", "POST refunds"]


def test_by_the_id_that_a_log_shows(database: Database) -> None:
    """REQ 26: the beginning of an id, as the package's log lines have it, finds the record."""
    client = staff()
    [pk] = IdempotencyRecord.objects.filter(key="lost").values_list("pk", flat=True)
    for text_of_it in (pk, pk[:24], f"id={pk[:24]}"):
        assert shown(client.get(LIST, {"q": text_of_it})) == ["lost"]
    # All records of one scope begin with the same digits.
    assert len(shown(client.get(LIST, {"q": pk[:16]}))) == 6


def test_the_window(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: a filter without an index looks at the newest records only; the page says so, and looks further back."""
    monkeypatch.setattr(walks, "WINDOW", 5)
    client = staff()
    page = client.get(LIST, {"mode": "atomic"})
    assert shown(page) == ["new", "gone"]
    assert "were looked at: those back to" in text(page)
    further = re.search(r'href="(\?[^"]*before=[^"]*)"', page.content.decode())
    assert further is not None
    page = client.get(LIST + unescape(further[1]))
    assert shown(page) == ["over", "old"]
    assert "were looked at" not in text(page)
    page = client.get(LIST, {"mode": "atomic", "age": "over-day"})
    assert shown(page) == ["over", "old"]


def test_what_needs_no_window(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: what an index finds is found wherever it is, with all filters: a search, a state, an age."""
    monkeypatch.setattr(walks, "WINDOW", 1)
    client = staff()
    for query, keys in (
        ({"q": "old", "mode": "atomic", "status": "3xx"}, {"old"}),
        ({"q": "bob", "mode": "atomic"}, {"over"}),
        ({"q": "17", "endpoint": "POST orders"}, {"over"}),
        ({"state": "expired"}, {"over"}),
        ({"age": "over-day"}, {"over", "old"}),
        ({}, {"old", "over", "gone", "new", "lapsed", "held", "lost"}),
    ):
        page = client.get(LIST, query)
        assert set(shown(page)) == keys
        assert "were looked at" not in text(page)


def test_a_scope_of_very_many(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: of more records than are looked up one by one, the newest are shown, and the page says so."""
    monkeypatch.setattr(search, "FEW", 3)
    monkeypatch.setattr(walks, "WINDOW", 4)
    client = staff()
    page = client.get(LIST, {"q": "alice"})
    assert set(shown(page)) == {"lapsed", "held", "lost", "new"}
    assert "More than 3 records have this scope." in text(page)
    assert "were looked at" in text(page)
    # What is unknown has an index, however many others there are of the scope.
    assert set(shown(client.get(LIST, {"q": "alice", "state": "unknown"}))) == {"lapsed", "lost"}


@pytest.mark.parametrize(
    "query",
    [{"state": "lost"}, {"before": "yesterday"}, {"before": "2026-99-99"}, {"p": "x", "status": "9xx"}],
)
@pytest.mark.databases("sqlite")
def test_nonsense_in_the_url(database: Database, query: dict[str, str]) -> None:
    """REQ 26: what is no choice of a filter leads back to the list."""
    assert staff().get(LIST, query).headers["Location"] == f"{LIST}?e=1"


def test_a_bounded_count(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: what is more than the page counts is said to be more; the pages are of what is counted."""
    client = staff()
    assert "There are more" not in text(client.get(LIST))
    monkeypatch.setattr(lists.BoundedPaginator, "BOUND", 3)
    monkeypatch.setattr(RecordAdmin, "list_per_page", 2)
    page = client.get(LIST, {"p": "2"})
    assert "There are more than 3; these are the first of them." in text(page)
    assert (len(shown(page)), page.context["cl"].paginator.num_pages) == (1, 2)
    assert client.get(LIST, {"p": "3"}).status_code == 302


def test_the_statements_of_the_list(database: Database) -> None:
    """REQ 26: as many statements for a long list as for a short one, and none reads a stored response."""
    client = staff()
    client.get(LIST)  # permissions and content types
    with statements() as few:
        client.get(LIST)
    for number in range(40):
        completed(f"more-{number}")
    with statements() as later:
        client.get(LIST)
    assert len(later) == len(few)
    assert not [sql for sql in later if "response_body" in sql and "LENGTH" not in sql]


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "created"),
        ({"mode": "atomic"}, "created"),
        ({"endpoint": "POST nothing"}, "created"),
        ({"age": "over-week", "status": "4xx"}, "created"),
        ({"state": "unknown"}, "unsettled"),
        ({"state": "in_progress", "mode": "atomic"}, "unsettled"),
        ({"state": "expired"}, "expires_at"),
        ({"q": "alice", "status": "5xx"}, "pkey"),
        ({"q": "key=new"}, "key"),
        ({"q": "object=17"}, "resource"),
    ],
)
def test_the_indexes_of_the_list(
    database: Database, monkeypatch: pytest.MonkeyPatch, query: dict[str, str], index: str
) -> None:
    """REQ 26: each way to the records is through an index; `python -m benchmarks.admin` holds all statements to it."""
    monkeypatch.setattr(walks, "WINDOW", 500)
    many(20_000)
    plans = explained(staff(), query)
    assert any(f"idempotency_record_{index}" in plan for plan in plans)


@pytest.mark.parametrize("lookup", ["endpoint__contains", "response_body__startswith", "scope", "pk__gt"])
def test_no_other_condition(database: Database, lookup: str) -> None:
    """REQ 23, 26: an address that somebody types in neither reads the whole table nor finds out a body bit by bit."""
    assert staff().get(LIST, {lookup: "a"}).status_code == 400
