"""A client that meets a fault, goes on until it is answered, and then counts what was done."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from django_idempotency.resolution import complete, release
from tests.app.models import Effect
from tests.faults.desk import Client, Site
from tests.guarantee.clients import assert_may_retry, assert_replay
from tests.guarantee.gate import PATIENCE
from tests.servers import PAUSE
from tests.statements.faults import Fault, Kind
from tests.statements.server import FAULTS, FOUND, GUARDS, JOURNAL, RECENT, found

FRESH, REPLAY, EXPIRED, LAPSED = "fresh", "replay", "expired", "lapsed"


class Statement(NamedTuple):
    """A line of the journal."""

    text: str
    fault: str | None
    # Whether it is the handler's own.
    handling: bool

    @property
    def verb(self) -> str:
        return self.text.split(maxsplit=1)[0].rstrip(";")


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    What is asked for, and what is there already.

    Attributes:
        guard: the name of a policy.
        before: nothing, a live record, an expired one, or the claim of a worker that was lost.
        status: what the handler answers with: 402 is stored by one of the policies, 400 by none.
        bound: whether the handler binds the record to what it made.
        recent: whether the process takes the key for one that it has answered lately.
    """

    guard: str
    before: str = FRESH
    status: int = 201
    bound: bool = False
    recent: bool = False

    def __str__(self) -> str:
        marks = [name for name in ("bound", "recent") if getattr(self, name)]
        return " ".join((self.guard, self.before, str(self.status), *marks))

    @property
    def stored(self) -> bool:
        return GUARDS[self.guard].keeps(self.status)


class Story(Client):
    """The client of one key, from what was there before its request to the answer that it gets in the end."""

    def __init__(self, site: Site, scenario: Scenario, journal: Path) -> None:
        super().__init__(site, scenario.guard)
        self.scenario = scenario
        self.journal = journal / uuid4().hex
        self.answers: list[httpx.Response] = []
        self._prepare()
        self.before = self.done

    def ask(self, headers: dict[str, str] | None = None) -> httpx.Response:
        said = {"amount": 1, "status": self.scenario.status, "bound": self.scenario.bound}
        headers = {"Idempotency-Key": self.key, **(headers or {})}
        url = f"{self.site.server.url}/{self.name}/"
        answer = self.site.http.post(url, json=said, headers=headers, timeout=PATIENCE)
        self.answers.append(answer)
        return answer

    def meet(self, *faults: Fault) -> list[Statement]:
        """Send the request, and let it meet these faults; the statements that it has come to."""
        headers = {FAULTS: " ".join(map(str, faults)), JOURNAL: str(self.journal)}
        if self.scenario.recent:
            headers[RECENT] = "yes"
        try:
            self.ask(headers)
        except httpx.TransportError:
            assert faults[-1].kind is Kind.KILLED
        else:
            assert not any(fault.kind is Kind.KILLED for fault in faults)
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        return [Statement(**json.loads(line)) for line in lines]

    def settle(self) -> httpx.Response:
        """Ask again as a client does, and see to what only people can see to, until there is an answer."""
        deadline = time.monotonic() + PATIENCE
        while (answer := self.ask()).status_code in (409, 503):
            assert time.monotonic() < deadline, answer.text
            if answer.json()["code"] == "outcome_unknown":
                self._resolve()
                continue
            assert_may_retry(answer)
            if (row := self.row) is not None and row["state"] == "in_progress":
                self.lapse()
            else:
                time.sleep(PAUSE)  # the server has not yet seen that a process is gone
        return answer

    def check(self, last: httpx.Response, statements: Sequence[Statement]) -> None:
        """Hold what the client got, and what was done, to the promise."""
        scenario = self.scenario
        done, outside = (now - then for now, then in zip(self.done, self.before, strict=True))
        found_out = last.content == FOUND
        assert last.status_code == (201 if found_out else scenario.status), last.text
        if not scenario.stored and not found_out:
            assert (done, outside) == (0, 0)
            # What was taken over stays unknown, for this attempt cannot speak for the one before.
            assert self.row is None or (scenario.guard == "retry" and self.record.attempt > 1)
            return
        # What is done in the database: once. A refusal that is stored leaves nothing, and a replay does nothing.
        runs = scenario.before != REPLAY
        assert done == (runs and scenario.status == 201 and not found_out)
        if scenario.guard in ("fail", "reconcile"):
            assert outside == (runs and scenario.before != LAPSED)
        assert outside >= done
        answered = [each for each in self.answers if each.status_code in (201, 402)]
        assert {each.content for each in answered} == {last.content}
        assert_replay(self.ask(), last)
        assert self.record.state == "completed"
        self._check_refusals(statements)

    def _check_refusals(self, statements: Sequence[Statement]) -> None:
        # Where the bare view would have answered so too: it was the handler's own statement that failed.
        lost = (Kind.CLOSED.value, Kind.KILLED.value)
        failed = any(
            each.handling and each.fault.split("-")[1] not in lost for each in statements if each.fault
        )
        for place, answer in enumerate(self.answers):
            if answer.status_code == 500:
                assert (place, failed) == (self._first, True)
            elif answer.status_code not in (409, 503):
                assert answer.status_code == self.answers[-1].status_code
            elif answer.json()["code"] != "outcome_unknown":
                assert_may_retry(answer)

    # -- What was there before, and what people do ---------------------------------------------------

    def _prepare(self) -> None:
        if self.scenario.before != FRESH:
            assert self.ask().status_code == self.scenario.status
        if self.scenario.before == EXPIRED:
            self.expire()
            self.answers.clear()
        elif self.scenario.before == LAPSED:
            self._abandon()
            self.answers.clear()
        self._first = len(self.answers)

    def _abandon(self) -> None:
        """Make of what is done what a worker leaves that died in its handler."""
        type(self.record).objects.filter(key=self.key).update(
            state="in_progress", response_status=None, response_body=None, completed_at=None
        )
        Effect.objects.filter(label=self.key).delete()
        self.lapse()

    def _resolve(self) -> None:
        """Resolve by hand what is unknown, as the world shows it."""
        done, outside = (now - then for now, then in zip(self.done, self.before, strict=True))
        assert (self.scenario.guard, done) == ("fail", 0)
        said: dict[str, Any] = {"who": "somebody", "why": "looked at the world"}
        if outside:
            complete(self.record, found(), **said)
        else:
            release(self.record, **said)
