"""Two PostgreSQL servers, and a router that knows the scope: each tenant's records are where its effects are."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product

import httpx
import psycopg
import pytest

from django_idempotency.identity import prefix
from tests.database_server import Session, with_database
from tests.faults.private import Missing, Private, PrivatePostgreSQL, go_without, private
from tests.guarantee.clients import REPLAYED
from tests.rig import Database
from tests.servers import ROOT, http_client, serve

NAME = "test_idempotency_shard"
ORGANIZATIONS = [f"organization-{number}" for number in range(8)]
KEYS = ["a", "b"]
DUPLICATES = 4


@dataclass
class Shards:
    servers: list[Private]
    urls: list[str]
    http: httpx.Client

    def pay(self, organization: str, key: str) -> httpx.Response:
        headers = {"X-Organization": organization, "Idempotency-Key": f"{organization}-{key}"}
        return self.http.post("/pay/", json={}, headers=headers)

    def paid(self, organization: str, key: str) -> httpx.Response:
        """As a client asks until it is answered."""
        while (answer := self.pay(organization, key)).status_code in (409, 503):
            assert answer.headers["Retry-After"]
        assert answer.status_code == 201, answer.text
        return answer

    def rows(self, place: int) -> tuple[dict[str, int], dict[str, int]]:
        """How many effects, and how many records, each key has there."""
        with psycopg.connect(self.urls[place]) as session:
            effects = session.execute("SELECT label, count(*) FROM app_effect GROUP BY label").fetchall()
            records = session.execute(
                "SELECT idempotency_key, count(*) FROM idempotency_record GROUP BY idempotency_key"
            ).fetchall()
        return dict(effects), dict(records)


def place_of(organization: str) -> int:
    return int(prefix(organization), 16) % 2


@pytest.fixture(scope="module")
def shards() -> Iterator[Shards]:
    with ExitStack() as stack:
        try:
            servers = [stack.enter_context(private(PrivatePostgreSQL)) for _ in range(2)]
        except Missing as reason:
            go_without(reason)
        urls = [with_database(server.url, NAME) for server in servers]
        environ = {
            "SECOND_DATABASE_URL": urls[1],
            "DJANGO_SETTINGS_MODULE": "tests.scaling.settings",
        }
        for server, alias in zip(servers, ("default", "second"), strict=True):
            with Session("postgresql", with_database(server.url, "postgres")) as session:
                session.create(NAME)
            subprocess.run(
                [
                    sys.executable,
                    "manage.py",
                    "migrate",
                    "--database",
                    alias,
                    "--run-syncdb",
                    "--verbosity",
                    "0",
                ],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": urls[0], **environ},
                check=True,
            )
        database = Database("postgresql", urls[0])
        app = "tests.scaling.wsgi:application"
        running = stack.enter_context(serve(database, app, workers=2, threads=4, environ=environ))
        http = stack.enter_context(http_client(running.url))
        yield Shards(servers, urls, http)


def test_each_tenant_is_served_once_where_it_lives(shards: Shards) -> None:
    """REQ 1, REQ 2: duplicates of many tenants at once: one effect each, its record beside it, nothing elsewhere."""
    assert {place_of(organization) for organization in ORGANIZATIONS} == {0, 1}
    asked = list(product(ORGANIZATIONS, KEYS)) * DUPLICATES
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda each: shards.paid(*each), asked))
    told: dict[tuple[str, str], set[bytes]] = {}
    for each, answer in zip(asked, answers, strict=True):
        told.setdefault(each, set()).add(answer.content)
    assert all(len(contents) == 1 for contents in told.values())
    sent = {f"{name}-{key}": place_of(name) for name, key in product(ORGANIZATIONS, KEYS)}
    for place in (0, 1):
        lives = {key: 1 for key, its in sent.items() if its == place}
        for found in shards.rows(place):
            assert {key: times for key, times in found.items() if key in sent} == lives


def test_a_shard_that_is_away_is_its_own_tenants_trouble(shards: Shards) -> None:
    """REQ 24: a 503 for them, nothing for all others; when it is back, each of their keys is answered, once."""
    away = [name for name in ORGANIZATIONS if place_of(name) == 1]
    before = {name: shards.paid(name, "kept").content for name in ORGANIZATIONS}
    shards.servers[1].stop()
    try:
        for name in ORGANIZATIONS:
            answer = shards.pay(name, "new")
            assert answer.status_code == (503 if name in away else 201)
            assert ("Retry-After" in answer.headers) == (name in away)
    finally:
        shards.servers[1].start()
    for name in ORGANIZATIONS:
        shards.paid(name, "new")
        again = shards.paid(name, "kept")
        assert (again.content, again.headers[REPLAYED]) == (before[name], "true")
    for place in (0, 1):
        effects, records = shards.rows(place)
        assert effects == records
        assert set(effects.values()) == {1}
        assert {f"{name}-new" for name in ORGANIZATIONS if place_of(name) == place} <= set(effects)
