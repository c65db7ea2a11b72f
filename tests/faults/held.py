"""A request whose handler stands still, in a process of the server: to be killed, paused, or robbed of its session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from tests.faults.desk import Client
from tests.guarantee.gate import PATIENCE, Arrival, Gate
from tests.guarantee.moments import end_session, is_locking, is_open

# Where nothing is committed yet, apart from the claim of mode leased.
UNCOMMITTED = ["mid-handler", "before the store", "after the store"]


class Held:
    """The one request, and the process that it is in."""

    def __init__(self, sent: Future[httpx.Response], arrival: Arrival) -> None:
        self._sent = sent
        self._arrival = arrival

    @property
    def pid(self) -> int:
        return self._arrival.pid

    @property
    def body(self) -> str:
        """What it is about to answer."""
        return str(self._arrival.told["body"])

    @property
    def waiting(self) -> bool:
        """Whether its client has no answer yet."""
        return not self._sent.done()

    def kill(self) -> None:
        """Let its process die, and its client find out."""
        os.kill(self.pid, signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            self._sent.result(PATIENCE)

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def end_session(self) -> None:
        """End its session, as an administrator or a timeout of the server would."""
        end_session(int(self._arrival.told["session"]))

    def gives_up(self) -> None:
        """Wait until its client has lost its patience."""
        with pytest.raises(httpx.ReadTimeout):
            self._sent.result(PATIENCE)

    def let_go(self) -> None:
        """Let it go on, paused or not."""
        self.wake()
        self._arrival.let_go()

    @property
    def has_session(self) -> bool:
        """Whether the database has not yet noticed the end of its session."""
        return "session" in self._arrival.told and is_open(int(self._arrival.told["session"]))

    @property
    def in_a_statement(self) -> bool:
        """Whether its session is inside a statement that waits for a row's lock."""
        return is_locking(int(self._arrival.told["session"]))

    def go_on(self) -> httpx.Response:
        """Let it go on, paused or not, to its answer."""
        self.let_go()
        return self._sent.result(PATIENCE)

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


@contextmanager
def held(
    client: Client, halt: str, headers: dict[str, str] | None = None, patience: float = PATIENCE
) -> Iterator[Held]:
    """Send a request that stops there. Whatever the test has left of it goes on afterwards."""
    with ThreadPoolExecutor(1) as pool, Gate() as gate:
        sent = pool.submit(
            client.post, {**gate.headers, **(headers or {}), "X-Halt": halt}, patience=patience
        )
        try:
            arrival = gate.arrival()
        except TimeoutError:
            pytest.fail(f"no handler stopped at {halt}: {sent.exception() or sent.result().text}")
        assert arrival.pid in client.site.server.worker_pids()
        held = Held(sent, arrival)
        try:
            yield held
        finally:
            if held.waiting:
                held.wake()


def killed(client: Client, halt: str) -> str:
    """Send a request whose process is killed there; what it was about to answer, if anything."""
    with held(client, halt) as lost:
        lost.kill()
        return "" if halt == "before the claim" else lost.body
