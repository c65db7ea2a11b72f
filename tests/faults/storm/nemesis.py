"""What goes wrong: at the times of the plan, it meets whoever is there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from threading import Event
from typing import TypeVar

from django.db import Error, connection

from tests.faults.private import Private
from tests.faults.storm.history import Blow, History, Work
from tests.faults.storm.outside import Outside
from tests.faults.storm.plan import Fault, Kind
from tests.guarantee.moments import END_SESSION
from tests.guarantee.wire import Lose, Wire
from tests.servers import PAUSE, Server

T = TypeVar("T")

# Seconds that it waits for a request to be under way.
SOON = 0.5
# How many workers stand still at the same time, at most.
PAUSED = 2


class Nemesis:
    """Does the faults of a plan in one thread, and writes down those that met something."""

    def __init__(
        self, server: Server, wire: Wire, outside: Outside, history: History, machine: Private | None
    ) -> None:
        self._server = server
        self._wire = wire
        self._outside = outside
        self._history = history
        self._machine = machine
        self._killed: set[int] = set()
        self._paused: dict[int, float] = {}
        self._wakes: list[tuple[float, int]] = []
        self._acts: dict[Kind, Callable[[Fault], None]] = {
            Kind.KILL: self._kill,
            Kind.PAUSE: self._pause,
            Kind.SESSION: self._end_session,
            Kind.COMMIT: self._lose,
            Kind.ANSWER: self._lose,
            Kind.RESTART: self._restart,
        }

    def rage(self, plan: Sequence[Fault], stopped: Event) -> None:
        """Do all of it, each at its time; then leave nothing paused and nothing to be lost."""
        began = time.monotonic()
        try:
            for fault in plan:
                if not self._wait(began + fault.at, stopped):
                    return
                self._acts[fault.kind](fault)
        finally:
            self._wire.lose = None
            self._wake(float("inf"))
            self._history.blows += (
                Blow(kind=kind_of(loss.lose), target=loss.port, began=loss.at, ended=loss.at)
                for loss in self._wire.losses
            )

    def _wait(self, until: float, stopped: Event) -> bool:
        """Wait, and wake meanwhile whoever has slept enough; False to stop."""
        while True:
            now = time.monotonic()
            self._wake(now)
            if now >= until:
                return True
            first = min([until, *(at for at, _ in self._wakes[:1])])
            if stopped.wait(max(first - now, 0)):
                return False

    def _wake(self, now: float) -> None:
        while self._wakes and self._wakes[0][0] <= now:
            _, pid = heappop(self._wakes)
            with suppress(ProcessLookupError):  # killed while it was paused
                os.kill(pid, signal.SIGCONT)
            self._done(Kind.PAUSE, pid, self._paused.pop(pid))

    def _done(self, kind: Kind, target: int, began: float) -> None:
        self._history.blows.append(Blow(kind=kind, target=target, began=began, ended=time.monotonic()))

    # -- Whom it meets -----------------------------------------------------------------------------

    def _workers(self) -> list[int]:
        return [pid for pid in self._server.worker_pids() if pid not in self._killed]

    def _under_way(self) -> list[Work]:
        """The works that have not come outside yet, in living processes that run: they will still take a while."""
        gone = self._killed | self._paused.keys()
        works = self._outside.works().values()
        return [work for work in works if not (work.outside or work.over or work.pid in gone)]

    def _work(self, fault: Fault) -> Work | None:
        """One that is under way now or, where the fault does not aim so well, one of the last."""
        if not fault.inside:
            return pick(list(self._outside.works().values())[-20:], fault)
        deadline = time.monotonic() + SOON
        while not (works := self._under_way()) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        return pick(works, fault)

    def _process(self, fault: Fault) -> int | None:
        if not fault.inside:
            return pick(self._workers(), fault)
        work = self._work(fault)
        return work.pid if work else None

    # -- What it does ------------------------------------------------------------------------------

    def _kill(self, fault: Fault) -> None:
        pid = self._process(fault)
        if pid is None:
            return
        began = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self._killed.add(pid)
            self._done(Kind.KILL, pid, began)

    def _pause(self, fault: Fault) -> None:
        pid = self._process(fault)
        if pid is None or pid in self._paused or len(self._paused) >= PAUSED:
            return
        began = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self._paused[pid] = began
            heappush(self._wakes, (began + fault.seconds, pid))

    def _end_session(self, fault: Fault) -> None:
        work = self._work(fault)
        if work is None:
            return
        began = time.monotonic()
        try:
            with connection.cursor() as cursor:
                cursor.execute(END_SESSION[connection.vendor], [work.session])
                if cursor.fetchone() != (False,):
                    self._done(Kind.SESSION, work.session, began)
        except Error:  # it has ended by itself, or the server has
            connection.close()

    def _lose(self, fault: Fault) -> None:
        """The next COMMIT of anybody; the wire writes down whose it was."""
        self._wire.lose = Lose.COMMIT if fault.kind is Kind.COMMIT else Lose.ANSWER

    def _restart(self, fault: Fault) -> None:
        if self._machine is None:
            return
        began = time.monotonic()
        self._machine.stop()
        self._machine.start()
        self._done(Kind.RESTART, 0, began)


def pick(of: Sequence[T], fault: Fault) -> T | None:
    return of[int(fault.choice * len(of))] if of else None


def kind_of(lose: Lose) -> Kind:
    return Kind.COMMIT if lose is Lose.COMMIT else Kind.ANSWER
