"""What a guard costs, statement by statement, as the database sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client

from django_idempotency.recent import recent
from tests.app.models import Effect
from tests.budgets.wire import Traffic, listening, through_proxy
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.budgets.views")

BUSINESS = r"INSERT INTO app_effect .*"
READ = r"SELECT .* FROM idempotency_record WHERE id = '[0-9a-f]{64}'"
LOCK = r"SELECT 1 WHERE pg_try_advisory_xact_lock\( ?-?\d+\)"
LOOK = r"SELECT sealed_with FROM idempotency_record WHERE id = '[0-9a-f]{64}'"
COMPLETE = r"UPDATE idempotency_record SET state = 'completed', .* WHERE id = '[0-9a-f]{64}' AND state = 'in_progress' AND owner IS NULL"
FRESH = {
    "postgresql": [
        LOCK,
        LOOK,
        BUSINESS,
        r"INSERT INTO idempotency_record AS record .* VALUES .*",
    ],
    "mariadb": [
        READ,
        r"SET STATEMENT innodb_lock_wait_timeout=0 FOR INSERT INTO idempotency_record .* VALUES .*",
        BUSINESS,
        COMPLETE,
    ],
    "sqlite": [
        READ,
        r"INSERT INTO idempotency_record .* ON CONFLICT \(id\) DO UPDATE SET .*"
        r" WHERE state = 'completed' AND expires_at <= strftime\(.*, 'now'\)",
        BUSINESS,
        COMPLETE,
    ],
}
# Where the process has not answered the key lately; elsewhere a replay is the read alone.
FIRST_REPLAY = {"postgresql": [LOCK, LOOK, READ], "mariadb": [READ], "sqlite": [READ]}
FIRST_REPLAY_ROUND_TRIPS = {"postgresql": 3, "mariadb": 1, "sqlite": 1}
# Beyond the bare view inside atomic(): on PostgreSQL the guard's statements travel with BEGIN and COMMIT.
ROUND_TRIPS = {"postgresql": 0, "mariadb": 3, "sqlite": 3}


@dataclass
class Costs:
    database: Database

    def of(self, url: str, key: str = "a") -> Traffic:
        with listening(self.database) as traffic:
            response = Client().post(url, headers={"Idempotency-Key": key})
        assert response.status_code == 201
        return traffic


@pytest.fixture
def costs(database: Database) -> Iterator[Costs]:
    with through_proxy(database):
        costs = Costs(database)
        costs.of(
            "/bare/", "warm"
        )  # what a first query asks of a server, such as its version, is not the guard's
        costs.of("/mixin/", "warm")
        yield costs


def written(statements: list[str], patterns: list[str]) -> bool:
    plain = [statement.replace('"', "").replace("`", "") for statement in statements]
    return len(plain) == len(patterns) and all(map(re.fullmatch, patterns, plain))


@pytest.mark.parametrize("url", ["/decorated/", "/mixin/"])
def test_a_fresh_key_costs_three_statements_and_no_commit(costs: Costs, url: str) -> None:
    """REQ 2: a fresh key adds three statements to the bare view inside atomic(), and shares its one COMMIT."""
    bare, guarded = costs.of("/bare/"), costs.of(url)

    assert written(bare.statements, [BUSINESS]), bare.sent
    assert written(guarded.statements, FRESH[costs.database.name]), guarded.sent
    assert guarded.control == bare.control
    assert guarded.commits == 1
    assert guarded.round_trips - bare.round_trips == ROUND_TRIPS[costs.database.name], guarded.sent


def test_a_policy_that_stores_errors_costs_a_savepoint(costs: Costs) -> None:
    """REQ 10: only a policy that stores refusals pays for a savepoint."""
    plain, storing = costs.of("/decorated/"), costs.of("/stores-errors/")

    assert written(storing.statements, FRESH[costs.database.name]), storing.sent
    assert [word for word in storing.control if word not in plain.control] == ["SAVEPOINT", "RELEASE"]


@pytest.mark.parametrize("url", ["/decorated/", "/mixin/"])
def test_a_replay_reads_and_writes_nothing(costs: Costs, url: str) -> None:
    """REQ 3: a replay is one look at the record; the first one of a process also looks whether the key is in flight."""
    name = costs.database.name
    costs.of(url)
    recent.forget()
    first, next_one = costs.of(url), costs.of(url)

    assert written(first.statements, FIRST_REPLAY[name]), first.sent
    assert first.round_trips == FIRST_REPLAY_ROUND_TRIPS[name], first.sent
    assert written(next_one.statements, [READ]), next_one.sent
    assert next_one.round_trips == 1, next_one.sent
    assert Effect.objects.filter(label="paid").count() == 3  # two to warm up, one for this key


@pytest.mark.databases("postgresql")
def test_a_replay_takes_no_transaction_id(database: Database) -> None:
    """REQ 3: inside a replay's transaction PostgreSQL has assigned no transaction id, so nothing was written."""
    assigned: list[object] = []

    def look(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        result = execute(sql, params, many, context)
        if "response_body" in sql:
            with context["connection"].connection.cursor() as raw:
                assigned.append(raw.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()[0])
        return result

    Client().post("/mixin/", headers={"Idempotency-Key": "a"})
    recent.forget()
    with connection.execute_wrapper(look):
        response = Client().post("/mixin/", headers={"Idempotency-Key": "a"})

    assert response["Idempotent-Replayed"] == "true"
    assert assigned == [None]


@pytest.mark.databases("postgresql")
def test_a_replay_writes_no_wal(database: Database) -> None:
    """REQ 3: a replay writes no WAL. Others may write meanwhile, so one of many replays must show it."""
    watcher = database.connect()

    def position() -> object:
        with watcher.cursor() as cursor:
            cursor.execute("SELECT pg_current_wal_insert_lsn()")
            return cursor.fetchone()[0]

    def writes(key: str) -> bool:
        before = position()
        assert Client().post("/mixin/", headers={"Idempotency-Key": key}).status_code == 201
        return position() != before

    assert writes("a")  # a fresh key does write: the measure works
    assert any(not writes("a") for _ in range(200))
