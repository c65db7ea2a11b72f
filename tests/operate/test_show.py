"""`manage.py idempotency show`: what became of a key."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.operate.records import SECRET, completed, leased, run
from tests.rig import Database

DAYS = timedelta(days=2)


def states(*arguments: str) -> list[tuple[str, str, bool]]:
    """Scope, state and whether it has expired, of what is shown."""
    return [
        (each["scope"], each["state"], each["expired"]) for each in run("show", *arguments, "--json").json
    ]


def test_by_key(database: Database) -> None:
    """REQ 26: "Lookup by key [...] by command": all that is known of it, whoever used it, and never the body."""
    record = completed("key-1", resource_type="shop.order", resource_id="17")
    completed("key-2")
    shown = run("show", "--key", "key-1", "--json")
    [each] = shown.json
    assert each["id"] == record.pk
    assert (each["key"], each["scope"], each["endpoint"]) == ("key-1", "alice", "POST orders")
    assert (each["mode"], each["state"], each["status"], each["expired"]) == (
        "atomic",
        "completed",
        201,
        False,
    )
    assert each["resource"] == {"type": "shop.order", "id": "17", "deleted_at": None}
    assert each["created_at"] <= each["completed_at"] < each["expires_at"]
    text = run("show", "--key", "key-1").out
    assert "shop.order:17" in text
    for out in (shown.out, text):
        assert SECRET.decode() not in out
        assert "4242" not in out


def test_by_id(database: Database) -> None:
    """By the id that `list` shows, or its beginning: with the key by which a service outside knows the request."""
    record, other = leased("key-1", left=None), completed("key-2")
    [each] = run("show", record.pk[:28], "--json").json
    assert (each["id"], each["downstream_key"], "key" in each) == (record.pk, record.downstream_key(), False)
    assert {each["id"] for each in run("show", record.pk, other.pk, "--json").json} == {record.pk, other.pk}
    assert run("show", record.pk, "--endpoint", "POST other").status == 4


def test_a_key_is_shown_to_who_knows_it(database: Database) -> None:
    """REQ 23: with a key somebody may have the answer; who asks by anything else does not get to see it."""
    completed("key-1", resource_type="shop.order", resource_id="17")
    for asked in (["--resource", "shop.Order:17"], ["--scope", "alice"]):
        shown = run("show", *asked)
        assert (shown.status, "POST orders" in shown.out, "key-1" in shown.out) == (0, True, False)


def test_what_narrows_it(database: Database) -> None:
    """Scope and endpoint narrow it, to the letter; a scope by itself is enough."""
    completed("k")
    completed("k", endpoint="POST refunds")
    completed("k", "Alice")
    completed("k ")
    completed("K")
    assert len(run("show", "--key", "k", "--json").json) == 3
    assert len(run("show", "--key", "k", "--scope", "alice", "--json").json) == 2
    assert len(run("show", "--scope", "alice", "--json").json) == 4
    [one] = run("show", "--scope", "alice", "--endpoint", "POST refunds", "--json").json
    assert (one["scope"], one["endpoint"]) == ("alice", "POST refunds")


def test_states_are_the_databases_word(database: Database) -> None:
    """A claim whose lease is over is unknown, and a record whose time is over has expired, before any purge."""
    completed("k", "a", age=DAYS)
    completed("k", "b", age=DAYS, lifetime=None)
    leased("k", "c", left=timedelta(minutes=1))
    leased("k", "d", left=-DAYS)
    leased("k", "e", left=None)
    assert sorted(states("--key", "k")) == [
        ("a", "completed", True),
        ("b", "completed", False),
        ("c", "in_progress", False),
        ("d", "unknown", False),
        ("e", "unknown", False),
    ]


def test_many(database: Database) -> None:
    """The newest come first, and where there are more than asked for it says so."""
    for number in range(3):
        completed(f"key-{number}", age=timedelta(hours=number), endpoint=f"POST {number}")
    shown = run("show", "--scope", "alice", "--limit", "2", "--json")
    assert [each["endpoint"] for each in shown.json] == ["POST 0", "POST 1"]
    assert "more than 2" in shown.error
    assert run("show", "--scope", "alice", "--limit", "3").error == ""


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (["--key", "unused"], 4),
        (["--resource", "shop.order:1"], 4),
        (["--endpoint", "POST orders"], 2),
        ([], 2),
        (["--scope", ""], 2),
        (["--resource", "17"], 1),
    ],
)
def test_nothing_and_nonsense(database: Database, asked: list[str], status: int) -> None:
    """Nothing found, and not asked as it should be, each have a status, and say so."""
    completed("key-1")
    ended = run("show", *asked)
    assert (ended.status, ended.out, bool(ended.error)) == (status, "", True)
