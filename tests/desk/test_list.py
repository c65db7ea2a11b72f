"""The list of records: found by what a person knows, and quick however many there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from django_idempotency.admin import lists
from django_idempotency.models import IdempotencyCount
from tests.desk.site import LIST, shown, staff, statements, text
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
        ({"object": "yes"}, {"over"}),
        ({"object": "no", "age": "over-day"}, {"old"}),
        ({"q": "new"}, {"new"}),
        ({"q": "bob"}, {"over"}),
        ({"q": "alice", "mode": "atomic"}, {"old", "gone", "new"}),
        ({"q": "app.effect:17"}, {"over"}),
        ({"q": "17"}, {"over"}),
        ({"q": "ne"}, set()),
        ({"q": "NEW"}, set()),
        ({"q": "new "}, set()),
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


def test_the_window(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: a filter without an index looks at the newest records only, and the page says so; an age moves it."""
    monkeypatch.setattr(lists, "WINDOW", 4)
    client = staff()
    page = client.get(LIST, {"mode": "atomic"})
    assert shown(page) == ["new", "gone"]
    assert "have looked at the newest 4 records" in text(page)
    page = client.get(LIST, {"mode": "atomic", "age": "over-day"})
    assert shown(page) == ["over", "old"]
    assert "have looked at" not in text(page)
    for everywhere in (
        {"state": "unknown"},
        {"q": "old", "mode": "atomic"},
        {"q": "17", "mode": "atomic"},
        {},
    ):
        assert "have looked at" not in text(client.get(LIST, everywhere))


def test_a_bounded_count(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 26: what is more than the page counts is said to be more."""
    client = staff()
    assert "There are more" not in text(client.get(LIST))
    monkeypatch.setattr(lists.BoundedPaginator, "BOUND", 3)
    assert "There are more than 3" in text(client.get(LIST))


def test_the_statements_of_the_list(database: Database) -> None:
    """REQ 26: as many statements for a long list as for a short one, and none reads a stored response."""
    client = staff()
    client.get(LIST)  # permissions and content types
    with statements() as few:
        client.get(LIST)
    for number in range(40):
        completed(f"more-{number}")
    with statements() as many:
        client.get(LIST)
    assert len(many) == len(few)
    assert not [sql for sql in many if "response_body" in sql and "LENGTH" not in sql]


def test_no_other_condition(database: Database) -> None:
    """REQ 26: an address that somebody types in cannot make the server read the whole table."""
    assert staff().get(LIST, {"endpoint__contains": "a"}).status_code == 400
