"""`manage.py idempotency list`: the newest records, and those in trouble."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import QuerySet

from django_idempotency import lookups
from tests.operate.records import SECRET, completed, leased, run
from tests.rig import Database

HOUR, DAYS = timedelta(hours=1), timedelta(days=2)


def endpoints(*arguments: str) -> list[str]:
    ended = run("list", *arguments, "--json")
    assert ended.status == 0
    return [each["endpoint"] for each in ended.json]


def fill() -> None:
    completed("k", endpoint="young")
    completed("k", age=HOUR, endpoint="older", scope="bob")
    completed("k", age=DAYS, endpoint="expired")
    leased("k", left=timedelta(minutes=1), endpoint="in flight")
    leased("k", left=-HOUR, endpoint="lapsed")
    leased("k", left=None, endpoint="unknown")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([], {"young", "older", "expired", "in flight", "lapsed", "unknown"}),
        (["--state", "unknown"], {"lapsed", "unknown"}),
        (["--state", "in_progress"], {"in flight"}),
        (["--state", "completed"], {"young", "older"}),
        (["--state", "expired"], {"expired"}),
        (["--mode", "leased"], {"in flight", "lapsed", "unknown"}),
        (["--mode", "atomic", "--state", "unknown"], set()),
        (["--endpoint", "older"], {"older"}),
        (["--scope", "bob"], {"older"}),
        (["--older-than", "30m"], {"older", "expired"}),
        (["--newer-than", "1d", "--mode", "atomic"], {"young", "older"}),
        (["--older-than", "30m", "--newer-than", "1d"], {"older"}),
    ],
)
def test_what_is_listed(database: Database, asked: list[str], expected: set[str]) -> None:
    """Each condition narrows it, by the database's clock: a lease that has lapsed is unknown before anybody asks."""
    fill()
    listed = endpoints(*asked)
    assert set(listed) == expected
    assert len(listed) == len(expected)


def test_newest_first(database: Database) -> None:
    """The newest come first, a line for each, and where there are more it says so."""
    for number in range(3):
        completed(f"key-{number}", age=timedelta(hours=number), endpoint=f"POST {number}")
    shown = run("list", "--limit", "2")
    assert [line.split("  ")[-2] for line in shown.out.splitlines()] == ["POST 0", "POST 1"]
    assert "more than 2" in shown.error
    assert run("list", "--limit", "3").error == ""


def test_what_is_never_listed(database: Database) -> None:
    """REQ 23: neither a key nor an answer: with a key somebody may have its answer."""
    record = completed("key-1")
    for arguments in ([], ["--json"]):
        out = run("list", *arguments).out
        assert record.pk[:28] in out
        assert "key-1" not in out
        assert "4242" not in out
        assert SECRET.decode() not in out


def test_nothing(database: Database) -> None:
    """An empty list is an answer; what cannot be asked is not."""
    assert run("list").status == 0
    assert run("list", "--json").json == []
    assert run("list", "--scope", "").status == 2
    assert run("list", "--state", "lost").status == 1


def test_how_far_it_looks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records there are: what no index serves is looked for in the newest, within age and scope."""
    monkeypatch.setattr(lookups, "WINDOW", 2)
    for number in range(4):
        completed("k", age=timedelta(hours=number), endpoint=f"POST {number}", scope=f"scope {number % 2}")
    leased("k", left=None, endpoint="POST unknown", created_at=completed("o", age=DAYS).created_at)
    assert endpoints("--state", "completed") == ["POST 0", "POST 1"]
    assert endpoints("--state", "completed", "--scope", "scope 1") == ["POST 1", "POST 3"]
    assert "Only the newest" in run("list", "--endpoint", "POST 3").error
    assert endpoints("--endpoint", "POST 3") == []
    assert endpoints("--endpoint", "POST 3", "--older-than", "90m") == ["POST 3"]
    # These have indexes.
    assert endpoints("--state", "unknown") == ["POST unknown"]
    assert len(endpoints()) == 6
    assert run("list", "--state", "unknown").error == ""


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ([], "idempotency_record_created"),
        (["--newer-than", "1d"], "idempotency_record_created"),
        (["--state", "unknown"], "idempotency_record_unsettled"),
        (["--state", "in_progress", "--mode", "leased"], "idempotency_record_unsettled"),
    ],
)
def test_an_index_serves_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, asked: list[str], index: str
) -> None:
    """The table itself is never read from end to end."""
    plans: list[str] = []
    fetch = QuerySet._fetch_all

    def explained(records: QuerySet) -> None:
        if records._result_cache is None and records.query.is_sliced:
            with connection.cursor() as cursor:
                cursor.execute("SET enable_seqscan = off")
            plans.append(records.explain())
        fetch(records)

    monkeypatch.setattr(QuerySet, "_fetch_all", explained)
    fill()
    run("list", *asked)
    assert index in plans[-1]
    assert not any("Seq Scan" in plan for plan in plans)
