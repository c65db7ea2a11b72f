"""REQ 28: tasks of a real worker, delivered at least once: twice, at the same time, and after a death."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from celery import Celery

from django_idempotency.models import IdempotencyRecord
from tests.functions.desk import effects, record
from tests.guarantee.gate import HEADER, Gate
from tests.guarantee.moments import end_session
from tests.rig import Database
from tests.systems.brokers import broker
from tests.systems.crew import Crew, wait_for

APP = "tests.functions.worker"
WORKER = ("worker", "--concurrency", "4", "--without-gossip", "--without-mingle", "--without-heartbeat")
# More often than a task retries by itself.
OFTEN = 4


class Worker:
    """A worker on the database of the test, and who sends it messages."""

    def __init__(self, crew: Crew, celery: Celery) -> None:
        self.crew = crew
        self.celery = celery

    def send(self, task: str, *args: Any, **options: Any) -> str:
        """Send a message; give the id of its task."""
        return str(self.celery.send_task(f"{APP}.{task}", args, **options).id)

    def said(self, id: str, word: str) -> list[str]:
        """What the worker has logged of a task, in lines with this word."""
        lines = self.crew.log("worker").read_text(errors="replace").splitlines()
        return [line for line in lines if f"[{id}] {word}" in line]

    def result(self, id: str) -> Any:
        """Wait for the success of a task."""
        return self.results(id, 1)[0]

    def results(self, id: str, times: int) -> list[Any]:
        """Wait for so many deliveries of a message to succeed."""
        lines = wait_for(lambda: self.said(id, "succeeded"), lambda seen: len(seen) >= times)
        return [ast.literal_eval(re.split(r"succeeded in [\d.e-]+s: ", line)[1]) for line in lines]

    def failure(self, id: str) -> str:
        """Wait for the failure of a task."""
        return wait_for(lambda: self.said(id, "raised unexpected"), bool)[0]


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ExitStack, dict[str, Worker]]]:
    """One for each database, from when a test first asks for it."""
    with ExitStack() as stack:
        yield stack, {}


@pytest.fixture
def worker(
    database: Database,
    workers: tuple[ExitStack, dict[str, Worker]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Worker:
    stack, started = workers
    if database.name not in started:
        folder = tmp_path_factory.mktemp("worker")
        settings = {"DJANGO_SETTINGS_MODULE": "tests.functions.worker_settings"}
        environ = stack.enter_context(broker(folder)) | settings
        crew = Crew({**os.environ, **database.environ, **environ}, folder, APP)
        stack.enter_context(crew.celery(*WORKER, ready=" ready."))
        celery = Celery(broker=environ["CELERY_BROKER_URL"], set_as_current=False)
        celery.conf.broker_transport_options = json.loads(environ["BROKER_OPTIONS"])
        stack.callback(celery.close)
        started[database.name] = Worker(crew, celery)
    return started[database.name]


def port(gate: Gate) -> str:
    return gate.headers[HEADER]


def test_the_same_business_key_twice(worker: Worker) -> None:
    """REQ 28: two messages about one order: one effect, and the second succeeds with the first one's result."""
    first, second = worker.result(worker.send("invoice", "o-1")), worker.result(worker.send("invoice", "o-1"))
    assert first == second
    assert effects() == ["o-1"]
    assert (record().endpoint, record().scope, record().key) == (f"{APP}.invoice", "system", "o-1")


def test_other_arguments(worker: Worker) -> None:
    """REQ 28: they fail the task, once and for all; defaults and names of arguments make no difference."""
    first = worker.result(worker.send("invoice", "o-1"))
    assert worker.result(worker.send("invoice", kwargs={"amount": 1.0, "order": "o-1"})) == first
    refused = worker.send("invoice", "o-1", kwargs={"amount": 2})
    assert "KeyReused" in worker.failure(refused)
    assert (effects(), worker.said(refused, "retry")) == (["o-1"], [])


def test_killed_in_the_middle(worker: Worker) -> None:
    """REQ 28, 8: what the process wrote that was killed is gone; the message comes again, and takes effect once."""
    with Gate() as gate:
        task = worker.send("invoice", "o-1", port(gate))
        os.kill(gate.arrival().pid, signal.SIGKILL)
        gate.arrival().let_go()
        result = worker.result(task)
    assert (effects(), record().key) == (["o-1"], "o-1")
    assert worker.result(worker.send("invoice", "o-1", port(gate))) == result


@pytest.mark.databases("postgresql", "mariadb")
def test_the_database_session_is_lost(worker: Worker) -> None:
    """REQ 28, 24: a task that the database did not serve is not lost: its message comes again, and takes effect once."""
    with Gate() as gate:
        task = worker.send("invoice", "o-1", port(gate))
        arrival = gate.arrival()
        end_session(int(arrival.told["session"]))
        arrival.let_go()
        gate.arrival().let_go()
        assert worker.result(task)
    assert "Retry in 1s: Unavailable" in worker.said(task, "retry")[0]
    assert effects() == ["o-1"]


@pytest.mark.databases("postgresql", "mariadb")
def test_concurrent_duplicates(worker: Worker) -> None:
    """REQ 28, 1: two duplicates of what is under way come again, however long it takes, until they have its result."""
    with Gate() as gate:
        first = worker.send("invoice", "o-1", port(gate))
        arrival = gate.arrival()
        others = [worker.send("invoice", "o-1", port(gate)) for _ in range(2)]
        for other in others:
            lines = wait_for(partial(worker.said, other, "retry"), lambda seen: len(seen) >= OFTEN)
            assert all("Retry in 1s: InProgress" in line for line in lines)
        arrival.let_go()
        assert len({json.dumps(worker.result(each)) for each in (first, *others)}) == 1
    assert effects() == ["o-1"]


def test_three_at_once(worker: Worker) -> None:
    """REQ 28, 1: also where they wait for one writer."""
    with Gate() as gate:
        tasks = [worker.send("invoice", "o-1", port(gate)) for _ in range(3)]
        gate.arrival().let_go()
        assert len({json.dumps(worker.result(each)) for each in tasks}) == 1
    assert effects() == ["o-1"]


def test_it_retries_itself(worker: Worker) -> None:
    """REQ 28, 2: what it wrote before self.retry() is undone, and its key, the id of the task, runs again."""
    task = worker.send("retrying", "r", 3)
    assert worker.result(task) == 3
    assert (effects(), record().key) == (["r"], task)


def test_the_key_of_a_header(worker: Worker) -> None:
    """REQ 28: messages with one key in their header are one call."""
    header = {"headers": {"idempotency_key": "k-1"}}
    first, second = (worker.result(worker.send("by_message", "m", **header)) for _ in range(2))
    assert first == second
    assert (effects(), record().key) == (["m"], "k-1")


@pytest.mark.parametrize("task", ["by_message", "unbound"])
def test_the_key_of_the_task(worker: Worker, task: str) -> None:
    """REQ 28: without one, each delay() is a call of its own, and each delivery of one message the same."""
    ids = [worker.send(task, "m") for _ in range(2)]
    assert len({worker.result(id)["id"] for id in ids}) == 2
    worker.send(task, "m", task_id=ids[0])
    assert len({json.dumps(each) for each in worker.results(ids[0], 2)}) == 1
    assert effects() == ["m", "m"]
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == set(ids)


def test_killed_in_mode_leased(worker: Worker) -> None:
    """REQ 28, 8: the message waits for the lease to end, and the service outside is asked by the same key again."""
    with Gate() as gate:
        task = worker.send("charge", "o-1", port(gate))
        first = gate.arrival()
        os.kill(first.pid, signal.SIGKILL)
        again = gate.arrival()
        again.let_go()
        assert again.told["downstream_key"] == first.told["downstream_key"] == record().downstream_key()
        assert worker.result(task) == {"id": worker.result(task)["id"]}
    assert (effects(), record().mode, record().state) == (["o-1"], "leased", "completed")


def test_killed_and_never_run_again(worker: Worker) -> None:
    """REQ 28, 8: with Unknown.FAIL the task fails once the lease has ended, and nothing runs."""
    with Gate() as gate:
        task = worker.send("charge_once", "o-1", port(gate))
        os.kill(gate.arrival().pid, signal.SIGKILL)
        assert "OutcomeUnknown" in worker.failure(task)
    assert effects() == []


def test_it_retries_itself_in_mode_leased(worker: Worker) -> None:
    """REQ 28, 8: in a harmless block self.retry() says that nothing has happened outside."""
    task = worker.send("charge_once", "o-1")
    assert worker.result(task)["id"]
    assert (effects(), record().state) == (["o-1"], "completed")
