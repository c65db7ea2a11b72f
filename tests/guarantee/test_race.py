"""Many equal requests at once, at a server of several processes: one is carried out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db.models import F

from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED, Client, assert_may_retry, assert_replay
from tests.guarantee.gate import Gate
from tests.guarantee.server import APP
from tests.rig import Database
from tests.servers import Server, Servers

CROWD = 30
# Far below any lock's own timeout, and enough for a busy machine.
AT_ONCE = timedelta(seconds=5)
DAY = timedelta(hours=24, seconds=1)


@pytest.fixture
def server(database: Database, servers: Servers) -> Server:
    # Any one worker could take the whole crowd, so that none waits for a thread.
    return servers.of(database, APP, workers=4, threads=CROWD)


@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
def test_a_crowd_in_the_requests_own_transactions(server: Server) -> None:
    """REQ 1: Under ATOMIC_REQUESTS, too, one of 30 equal requests is carried out, and all get its answer in the end."""
    client = Client(server, "refuses")
    served, refused = tell_apart(client.at_once([{}] * CROWD))
    assert len([answer for answer in served if REPLAYED not in answer.headers]) == 1
    assert Effect.objects.count() == 1
    late = [client.retry() for _ in refused]
    assert {(answer.status_code, answer.content) for answer in (*served, *late)} == {(201, served[0].content)}
    assert Effect.objects.count() == 1


@pytest.fixture(params=["fresh", "expired"])
def earlier(request: pytest.FixtureRequest, server: Server) -> int:
    """How many effects the key has had before: none, or one whose record has expired."""
    if request.param == "fresh":
        return 0
    Client(server).post(amount=1).raise_for_status()
    Client(server, "waits").post(amount=1).raise_for_status()
    expire()
    return 2


def expire() -> None:
    IdempotencyRecord.objects.update(created_at=F("created_at") - DAY, expires_at=F("expires_at") - DAY)


def tell_apart(answers: list[httpx.Response]) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """Those who were served, and those who may retry; there is no third kind."""
    served = [answer for answer in answers if answer.status_code == 201]
    refused = [answer for answer in answers if answer.status_code != 201]
    for answer in refused:
        assert_may_retry(answer)
    return served, refused


@pytest.mark.parametrize("name", ["refuses", "waits"])
def test_a_crowd_is_served_once(server: Server, earlier: int, name: str) -> None:
    """REQ 1: Of 30 equal requests at 4 processes one is carried out, and all get its answer in the end."""
    client = Client(server, name)
    served, refused = tell_apart(client.at_once([{}] * CROWD))
    (first,) = [answer for answer in served if REPLAYED not in answer.headers]
    assert Effect.objects.count() == earlier + 1
    if name == "waits":
        assert not refused
    for answer in [*served, *(client.retry() for _ in refused)]:
        assert (answer.status_code, answer.content) == (201, first.content)
        assert answer.headers["Content-Type"] == first.headers["Content-Type"]
    assert_replay(client.post(), first)
    assert Effect.objects.count() == earlier + 1


@pytest.mark.databases("postgresql", "mariadb")
def test_while_the_first_runs_all_others_are_refused_at_once(server: Server, earlier: int) -> None:
    """REQ 11: 29 duplicates of a running request get 409 with Retry-After, and none of them waits or runs."""
    client = Client(server)
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        running = pool.submit(client.post, headers=gate.headers)
        gate.arrival()
        served, refused = tell_apart(client.at_once([{}] * (CROWD - 1)))
        assert not served
        assert {answer.status_code for answer in refused} == {409}
        assert client.post().elapsed < AT_ONCE
        assert not running.done()
    first = running.result()
    assert REPLAYED not in first.headers
    for _ in refused:
        assert_replay(client.post(), first)
    assert Effect.objects.count() == earlier + 1


def test_a_bounded_wait_ends_with_the_replay(server: Server, earlier: int) -> None:
    """REQ 11: Where the policy waits, 29 duplicates of a running request all get its answer, and no refusal."""
    client = Client(server, "waits")
    with ThreadPoolExecutor(2) as pool, Gate() as gate:
        running = pool.submit(client.post, headers=gate.headers)
        held = gate.arrival()
        crowd = pool.submit(client.at_once, [{}] * (CROWD - 1))
        assert not crowd.done()
        held.let_go()
        first = running.result()
        for answer in crowd.result():
            assert_replay(answer, first)
    assert Effect.objects.count() == earlier + 1


@pytest.mark.databases("postgresql", "mariadb")
def test_a_wait_is_bounded(server: Server) -> None:
    """REQ 11: A duplicate that has waited as long as the policy says is refused, with the policy's Retry-After."""
    client = Client(server, "gives-up")
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        running = pool.submit(client.post, headers=gate.headers)
        gate.arrival()
        refused = client.post()
        assert_may_retry(refused)
        assert (refused.status_code, refused.headers["Retry-After"]) == (409, "2")
        assert refused.elapsed >= timedelta(seconds=0.3)
    assert_replay(client.post(), running.result())


@pytest.mark.parametrize("name", ["refuses", "waits"])
def test_another_body_in_the_crowd_is_never_carried_out(server: Server, name: str) -> None:
    """REQ 1: Of two bodies under one key one is carried out; those who sent the other are told so."""
    client = Client(server, name)
    bodies: list[dict[str, Any]] = [{"amount": number % 2} for number in range(CROWD)]
    answers = client.at_once(bodies)
    (effect,) = Effect.objects.all()
    for body, answer in zip(bodies, answers, strict=True):
        allowed = {201, 409, 503} if body["amount"] == effect.amount else {422, 409, 503}
        assert answer.status_code in allowed
    first = client.retry(amount=effect.amount)
    for body in bodies:
        final = client.retry(**body)
        if body["amount"] == effect.amount:
            assert_replay(final, first)
        else:
            assert (final.status_code, final.json()["code"]) == (422, "idempotency_conflict")
            assert "Retry-After" not in final.headers
    assert Effect.objects.count() == 1


@pytest.mark.databases("postgresql", "mariadb")
def test_different_keys_do_not_refuse_each_other(server: Server) -> None:
    """REQ 1: 20 keys, fresh, expired and just purged, are under way at one time: no neighbour's lock refuses one."""
    client = Client(server)
    keys = [f"key-{number}" for number in range(20)]
    for key in keys[:14]:
        client.post(key).raise_for_status()
    expire()
    IdempotencyRecord.objects.filter(key__in=keys[:7]).delete()
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        crowd = pool.submit(client.at_once, [{"key": key, "headers": gate.headers} for key in keys])
        for held in [gate.arrival() for _ in keys]:
            held.let_go()
        answers = crowd.result()
    assert [answer.status_code for answer in answers] == [201] * 20
    assert not any(REPLAYED in answer.headers for answer in answers)
    assert Effect.objects.count() == 14 + 20


@pytest.mark.databases("sqlite")
def test_different_keys_queue_for_the_one_writer(server: Server) -> None:
    """REQ 1: On SQLite, too, 20 different keys at once are all carried out and none is refused."""
    answers = Client(server).at_once([{"key": f"key-{number}"} for number in range(20)])
    assert [answer.status_code for answer in answers] == [201] * 20
    assert Effect.objects.count() == 20
