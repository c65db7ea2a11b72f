"""The Hog's background work, when processes die: what was accepted and paid for is done, once."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import httpx
import pytest
from celery import Celery

from tests.conftest import FOUND
from tests.guarantee.gate import Arrival, Gate
from tests.systems.brokers import broker
from tests.systems.conftest import database_url
from tests.systems.crew import DEADLY, PATIENCE, Crew, Doomed, wait_for
from tests.systems.live import Caller, Live, in_the_long_run, new_key, on_every_database
from tests.systems.test_thehog import ENDPOINTS, GENERATE, body_of, jobs, post

WORKER = ("worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")
# What a sweeper takes for too long to be alive.
AT_ONCE = {"THEHOG_LOST_AFTER": "0"}


class Staffed(NamedTuple):
    """A demonstration with a broker, a Celery worker and a client."""

    crew: Crew
    acme: Caller
    celery: Celery

    def accept(self, prompt: str) -> str:
        """Order a job, and tell where it is shown."""
        return str(post(self.acme, GENERATE, new_key(), {"prompt": prompt}).json()["pollUrl"])

    def at_gate(self, gate: Gate) -> tuple[str, Arrival]:
        """Order a job, and wait until a worker has stopped in the middle of it."""
        poll = self.accept(f"gate {gate.headers['X-Gate']}")
        arrival = gate.arrival()
        assert shown(self.acme, poll) == ("running", 0, None)
        return poll, arrival

    def work_off(self, tasks: list[tuple[str, list[str]]]) -> None:
        """Enqueue tasks by hand, and wait until the worker has done with all of them."""
        sent = [self.celery.send_task(name, arguments) for name, arguments in tasks]
        lines = [f"Task {name}[{task.id}] succeeded" for (name, _), task in zip(tasks, sent, strict=True)]
        log = self.crew.log("worker")
        wait_for(log.read_text, lambda text: all(line in text for line in lines))


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The demonstration, in process; a request may ask for the death of its process."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        found = request.config.stash[FOUND]
        url = stack.enter_context(database_url(found, request.param, "jobs", folder))
        yield stack.enter_context(Doomed(url, folder))


@pytest.fixture
def crew(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Crew:
    """More processes on its database, in process like the server."""
    return Crew(live.environment, tmp_path_factory.mktemp("crew"))


@pytest.fixture(scope="module")
def staffed(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staffed]:
    """A server beside it that has a broker, and a worker."""
    folder = tmp_path_factory.mktemp("staffed")
    with broker(folder) as environ:
        crew = Crew(live.environment | environ, folder)
        celery = Celery(broker=environ["CELERY_BROKER_URL"], set_as_current=False)
        celery.conf.broker_transport_options = json.loads(environ["BROKER_OPTIONS"])
        with crew.server() as acme, crew.celery(*WORKER, ready=" ready."):
            yield Staffed(crew, acme, celery)
        celery.close()


def shown(caller: Caller, poll: str) -> tuple[str, int, Any]:
    """Tell what became of a job: its status, how often it ran to its end, and its result."""
    operation = caller.get(poll)
    return operation["status"], operation["runs"], operation["result"]


def succeeded(caller: Caller, poll: str) -> None:
    """Wait for a job, and hold it to one run."""
    seen = wait_for(lambda: shown(caller, poll), lambda seen: seen[0] not in {"queued", "running"})
    assert seen[:2] == ("succeeded", 1)
    assert seen[2]


def lose(caller: Caller, path: str, key: str) -> httpx.Response:
    """Have a job accepted by a process that dies before it enqueues it; give the answer to the retry."""
    with pytest.raises(httpx.TransportError):
        caller.send("POST", path, body_of(path), headers={"Idempotency-Key": key, **DEADLY})
    retry = post(caller, path, key)
    assert (retry.status_code, retry.headers.get("Idempotent-Replayed")) == (202, "true")
    assert retry.json()["status"] == "queued"
    return retry


def forgotten(caller: Caller, poll: str) -> None:
    """Hold a job to this: it is committed, and nobody works on it."""
    assert shown(caller, poll) == ("queued", 0, None)


@on_every_database
def test_killed_between_commit_and_enqueue(live: Live, crew: Crew) -> None:
    """SYSTEMS: "a job whose enqueueing was lost is picked up by a sweeper": killed there, it still runs, once."""
    keys = {path: new_key() for path in ENDPOINTS}
    with jobs(live.acme, 3):
        retries = {path: lose(live.acme, path, key) for path, key in keys.items()}
        for retry in retries.values():
            forgotten(live.acme, retry.json()["pollUrl"])
        crew.sweep()
        for path, retry in retries.items():
            succeeded(live.acme, retry.json()["pollUrl"])
            assert post(live.acme, path, keys[path]).content == retry.content
        crew.sweep()
        for retry in retries.values():
            succeeded(live.acme, retry.json()["pollUrl"])


@in_the_long_run
def test_killed_between_commit_and_enqueue_to_a_worker(live: Live, staffed: Staffed) -> None:
    """SYSTEMS: "the work being done by a real Celery task": killed between COMMIT and enqueueing, it still runs, once."""
    with jobs(live.acme, 3):
        polls = [lose(staffed.acme, path, new_key()).json()["pollUrl"] for path in ENDPOINTS]
        for poll in polls:
            forgotten(staffed.acme, poll)
        staffed.crew.sweep()
        for poll in polls:
            succeeded(staffed.acme, poll)
            assert staffed.crew.runs(poll.rpartition("/")[2]) == 1


def test_a_worker_does_what_is_enqueued(live: Live, staffed: Staffed) -> None:
    """SYSTEMS: "the work being done by a real Celery task", which no sweeper had to wake."""
    with jobs(live.acme, 1):
        poll = staffed.accept("words")
        succeeded(staffed.acme, poll)
        assert staffed.crew.runs(poll.rpartition("/")[2]) == 1


@pytest.mark.databases("postgresql")
def test_beat_sweeps(live: Live, staffed: Staffed) -> None:
    """The plain line in the settings is all that a deployment needs: Celery's own beat sweeps."""
    poll = lose(staffed.acme, GENERATE, new_key()).json()["pollUrl"]
    forgotten(staffed.acme, poll)
    with staffed.crew.celery("beat", "--schedule", str(staffed.crew.folder / "beat"), ready="beat: Starting"):
        succeeded(staffed.acme, poll)


def test_enqueued_many_times_it_runs_once(live: Live, staffed: Staffed) -> None:
    """REQ 25: enqueueing "only wakes a worker": by several sweepers and by hand at once, the job runs once."""
    with jobs(live.acme, 1):
        poll = lose(staffed.acme, GENERATE, new_key()).json()["pollUrl"]
        lost = poll.rpartition("/")[2]
        staffed.work_off([*[("thehog.sweep", [])] * 3, *[("thehog.run", [lost])] * 3, ("thehog.sweep", [])])
        succeeded(staffed.acme, poll)
        staffed.work_off([("thehog.run", [lost]), ("thehog.sweep", [])])
        assert (staffed.crew.runs(lost), shown(staffed.acme, poll)[1]) == (1, 1)


def test_enqueued_in_mid_run_it_runs_once(live: Live, staffed: Staffed) -> None:
    """REQ 25: enqueueing "only wakes a worker", also while another worker is in the middle of the job."""
    with Gate() as gate, jobs(live.acme, 1):
        poll, arrival = staffed.at_gate(gate)
        running = poll.rpartition("/")[2]
        staffed.work_off([*[("thehog.run", [running])] * 3, ("thehog.sweep", [])])
        assert shown(staffed.acme, poll) == ("running", 0, None)
        arrival.let_go()
        succeeded(staffed.acme, poll)
        assert staffed.crew.runs(running) == 1


@in_the_long_run
def test_a_worker_killed_in_mid_run(live: Live, staffed: Staffed) -> None:
    """REQ 25: a job whose worker dies in the middle of it is handed out again, and runs to its end once."""
    with Gate() as gate, jobs(live.acme, 1):
        poll, arrival = staffed.at_gate(gate)
        os.kill(arrival.pid, signal.SIGKILL)
        # A sweeper that gives it more time leaves it alone.
        staffed.work_off([("thehog.sweep", [])])
        assert shown(staffed.acme, poll) == ("running", 0, None)
        staffed.crew.sweep(**AT_ONCE)
        second = gate.arrival()
        assert second.pid != arrival.pid
        second.let_go()
        succeeded(staffed.acme, poll)
        assert shown(staffed.acme, poll)[2] == {"attempt": 2}


def test_a_late_worker_cannot_overwrite(live: Live, staffed: Staffed) -> None:
    """REQ 25: a worker that was taken for dead and is not finishes nothing: the job is its successor's."""
    with Gate() as gate, jobs(live.acme, 1):
        poll, late = staffed.at_gate(gate)
        staffed.crew.sweep(**AT_ONCE)
        successor = gate.arrival()
        late.let_go()
        words = f"Attempt 1 of {poll.rpartition('/')[2]} came too late"
        wait_for(staffed.crew.log("worker").read_text, lambda text: words in text)
        assert shown(staffed.acme, poll) == ("running", 0, None)
        successor.let_go()
        succeeded(staffed.acme, poll)
        assert shown(staffed.acme, poll)[2] == {"attempt": 2}


@in_the_long_run
def test_a_job_that_costs_too_many_workers_has_failed(live: Live, staffed: Staffed) -> None:
    """SYSTEMS: "`queued`, `running`, `succeeded` or `failed`": no job kills workers for ever."""
    with Gate() as gate, jobs(live.acme, 1):
        poll, arrival = staffed.at_gate(gate)
        os.kill(arrival.pid, signal.SIGKILL)
        staffed.crew.sweep(**AT_ONCE, THEHOG_ATTEMPTS="2")
        os.kill(gate.arrival().pid, signal.SIGKILL)
        staffed.crew.sweep(**AT_ONCE, THEHOG_ATTEMPTS="2")
        status, runs, result = shown(staffed.acme, poll)
        assert (status, runs, result.keys()) == ("failed", 0, {"error"})


def test_work_that_raises(live: Live, staffed: Staffed) -> None:
    """SYSTEMS: "`queued`, `running`, `succeeded` or `failed`": it ran to its end, paid for, and is not done again."""
    with jobs(live.acme, 1):
        poll = staffed.accept("fail")
        seen = wait_for(lambda: shown(staffed.acme, poll), lambda seen: seen[0] == "failed")
        assert seen[1:] == (1, {"error": "RuntimeError: no words come to mind"})
        staffed.work_off([("thehog.run", [poll.rpartition("/")[2]]), ("thehog.sweep", [])])
        assert shown(staffed.acme, poll) == seen


def test_a_sweeper_that_goes_on(live: Live, crew: Crew) -> None:
    """`manage.py sweep_jobs --every SECONDS` takes up what is forgotten until it is told to stop."""
    with jobs(live.acme, 2), crew.sweeper() as sweeper:
        for _ in range(2):
            # One at a time, so that a sweeper which sweeps once is not enough.
            succeeded(live.acme, lose(live.acme, GENERATE, new_key()).json()["pollUrl"])
        sweeper.send_signal(signal.SIGINT)
        assert sweeper.wait(PATIENCE) == 0


def test_a_broker_that_is_down(live: Live, crew: Crew) -> None:
    """REQ 25: enqueueing "only wakes a worker": where it fails the answer is 202 all the same, and the job runs later."""
    # Bound, but nobody listens: every connection is refused.
    with socket.socket() as closed, jobs(live.acme, 4):
        closed.bind(("127.0.0.1", 0))
        url = f"amqp://127.0.0.1:{closed.getsockname()[1]}//"
        downcast = Crew(live.environment | {"CELERY_BROKER_URL": url}, crew.folder)
        with downcast.server() as acme:
            keys = {path: new_key() for path in ENDPOINTS}
            answers = {path: post(acme, path, key) for path, key in keys.items()}
            for path, answer in answers.items():
                assert (answer.status_code, answer.json()["status"]) == (202, "queued")
                assert post(acme, path, keys[path]).content == answer.content
            # No guard takes care of a hook that raises.
            answers["without a key"] = post(acme, GENERATE, None)
            assert answers["without a key"].status_code == 202
            # A sweeper that reaches nobody does no harm.
            downcast.sweep()
            for answer in answers.values():
                forgotten(acme, answer.json()["pollUrl"])
        crew.sweep()
        for answer in answers.values():
            succeeded(live.acme, answer.json()["pollUrl"])
