"""The worker process dies by SIGKILL, at each point of a request; then the client retries."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection

from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED, Client, assert_may_retry, assert_replay
from tests.guarantee.gate import Arrival, Gate
from tests.guarantee.server import APP
from tests.rig import Database
from tests.servers import Server, Servers

# Seconds. Far below every timeout of a server or a lease, and enough for a busy machine.
AT_ONCE = 5.0
UNCOMMITTED = ["mid-handler", "before the store", "after the store"]


@pytest.fixture(params=[False, True], ids=["autocommit", "atomic requests"])
def server(request: pytest.FixtureRequest, database: Database, servers: Servers) -> Server:
    database.reconfigure(ATOMIC_REQUESTS=request.param)
    return servers.of(database, APP, workers=3)


def die(server: Server, halt: str) -> Arrival:
    """Send a request whose worker is killed at that point, and gets no answer."""
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        lost = pool.submit(Client(server).post, headers={**gate.headers, "X-Halt": halt})
        try:
            arrival = gate.arrival()
        except TimeoutError:
            pytest.fail(
                f"no handler stopped at {halt}: {lost.exception() or lost.result().text}\n{server.log}"
            )
        assert arrival.pid in server.worker_pids()
        os.kill(arrival.pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            lost.result()
    return arrival


@pytest.mark.parametrize("halt", UNCOMMITTED)
def test_a_worker_killed_before_the_commit_leaves_nothing(server: Server, halt: str) -> None:
    """REQ 8: After SIGKILL before COMMIT the retry is carried out at once: nothing is left to wait for or to clean."""
    client = Client(server)
    dead = die(server, halt)
    began = time.monotonic()
    answer = client.retry(within=AT_ONCE)
    assert time.monotonic() - began < AT_ONCE
    assert (answer.status_code, REPLAYED in answer.headers) == (201, False)
    assert answer.json()["by"] != dead.pid
    assert answer.json()["token"] != dead.told["body"]
    assert Effect.objects.count() == IdempotencyRecord.objects.count() == 1
    assert_replay(client.post(), answer)
    assert Effect.objects.count() == 1


def test_a_worker_killed_after_the_commit_has_answered_for_good(server: Server) -> None:
    """REQ 3: After SIGKILL between COMMIT and the answer, the retry gets the lost bytes, and nothing runs again."""
    lost = die(server, "after the commit")
    assert Effect.objects.count() == 1
    replay = Client(server).post()
    assert (replay.status_code, replay.text) == (201, lost.told["body"])
    assert replay.headers["Content-Type"] == "application/vnd.effect+json; v=1"
    assert replay.headers[REPLAYED] == "true"
    assert replay.json()["by"] == lost.pid
    assert Effect.objects.count() == 1


def test_duplicates_of_a_killed_request_race_for_its_key(server: Server) -> None:
    """REQ 8: Of duplicates that race for the key of a killed worker, one is carried out."""
    client = Client(server)
    die(server, "mid-handler")
    answers = client.at_once([{}] * 10)
    for answer in answers:
        if answer.status_code != 201:
            assert_may_retry(answer)
    first = client.retry()
    assert {answer.content for answer in answers if answer.status_code == 201} <= {first.content}
    assert Effect.objects.count() == IdempotencyRecord.objects.count() == 1


def test_an_expired_record_survives_the_death_of_who_takes_it_over(server: Server) -> None:
    """REQ 8: A worker killed while it takes an expired key over leaves the old record as it was."""
    client = Client(server)
    client.post(amount=1).raise_for_status()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE idempotency_record SET expires_at = '2020-01-01 00:00:00'")
    before = IdempotencyRecord.objects.values().get()
    die(server, "mid-handler")
    assert IdempotencyRecord.objects.values().get() == before
    assert client.retry(within=AT_ONCE, amount=2).status_code == 201
    assert IdempotencyRecord.objects.get(pk=before["id"]).created_at > before["created_at"]
    assert sorted(Effect.objects.values_list("amount", flat=True)) == [1, 2]
