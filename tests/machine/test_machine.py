"""A Hypothesis state machine: see the package for how to run it with many examples."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.http import JsonResponse
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from django_idempotency.exceptions import ResolutionRefused
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from django_idempotency.purge import purge
from django_idempotency.resolution import complete, release
from tests.app.models import Effect
from tests.databases import NAMES
from tests.guarantee.clients import REPLAYED
from tests.machine.endpoint import GUARDED, RAN, Ask, send
from tests.machine.reference import STATUS, Known, Reference, Refused, Replay, Run
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.machine.endpoint")

# How many; set, and they run on every database.
EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "0"))
PAST, SOON = timedelta(days=-1), timedelta(minutes=10)

# Few of each, so that requests meet.
PLACES = st.tuples(st.sampled_from(["ann", "ben"]), st.sampled_from(["k1", "k2"]))
ENDS = st.sampled_from(["makes", *STATUS])
FINDINGS = st.sampled_from(["still unknown", "not done", "done"])
POLICIES = st.sampled_from([*GUARDED])


def rows(place: tuple[str, str]) -> Any:
    caller, key = place
    return IdempotencyRecord.objects.filter(scope=caller, key=key)


class Machine(RuleBasedStateMachine):
    """What may happen, one thing after another."""

    def __init__(self) -> None:
        super().__init__()
        for model in (IdempotencyRecord, Effect, IdempotencyAudit):
            model.objects.all().delete()
        RAN.clear()
        self.reference = Reference()
        self.last = Ask(policy="atomic", caller="ann", key="k1", amount=1, end="makes")

    # -- Requests ----------------------------------------------------------------------------------

    @rule(place=PLACES, policy=POLICIES, amount=st.sampled_from([1, 2]), end=ENDS, finding=FINDINGS)
    def ask(self, place: tuple[str, str], policy: str, amount: int, end: str, finding: str) -> None:
        caller, key = place
        self._send(Ask(policy=policy, caller=caller, key=key, amount=amount, end=end, finding=finding))

    @rule(end=ENDS, finding=FINDINGS)
    def ask_again(self, end: str, finding: str) -> None:
        """The same request; the handler would end otherwise now."""
        self._send(replace(self.last, end=end, finding=finding))

    @rule(policy=POLICIES, end=ENDS, finding=FINDINGS)
    def ask_again_of_another_release(self, policy: str, end: str, finding: str) -> None:
        """The same request, and the endpoint has another policy now."""
        self._send(replace(self.last, policy=policy, end=end, finding=finding))

    def _send(self, ask: Ask) -> None:
        self.last = ask
        expected, before = self.reference.expects(ask), len(RAN)
        answer = send(ask)
        assert answer.status_code == expected.status, (expected, answer.content)
        assert (len(RAN) - before, answer.headers.get(REPLAYED)) == (
            int(isinstance(expected, Run)),
            "true" if isinstance(expected, Replay) else None,
        )
        if isinstance(expected, Replay):
            assert answer.content == expected.body
        if isinstance(expected, Refused):
            assert json.loads(answer.content)["code"] == expected.code
        made = json.loads(answer.content)["id"] if answer.status_code == 201 and len(RAN) > before else None
        self.reference.answered(ask, expected, made, answer.content)
        if isinstance(expected, Run) and ask.leased and ask.end == "dies":
            # A worker that is killed does not say that its outcome is unknown.
            rows(ask.place).update(state="in_progress", lease_expires_at=timezone.now() + SOON)

    # -- Time: the rows move, and no clock does ----------------------------------------------------

    @precondition(lambda self: self.reference.records)
    @rule(data=st.data(), ends=st.sampled_from(["lease", "lifetime", "nearly"]))
    def time_passes(self, data: st.DataObject, ends: str) -> None:
        place = self._draw(data)
        record, now = self.reference.records[place], timezone.now()
        if ends == "lifetime":
            rows(place).update(created_at=now + 2 * PAST, expires_at=now + PAST)
            self.reference.change(place, expired=True)
        elif ends == "nearly" and not record.expired:
            rows(place).update(created_at=now + PAST, expires_at=now + SOON)
        elif ends == "lease" and record.known is Known.IN_FLIGHT:
            rows(place).update(lease_expires_at=now + PAST)
            self.reference.change(place, lapsed=True)

    def _draw(self, data: st.DataObject) -> tuple[str, str]:
        """One of the keys that there is a record of."""
        return data.draw(st.sampled_from(sorted(self.reference.records)))

    @rule()
    def purge(self) -> None:
        done = purge(rest=0.0, batch=2)
        assert (done.expired, done.tombstones, done.finished) == (*self.reference.purge(), True)

    # -- What becomes of the object, and of what is unknown ----------------------------------------

    @precondition(lambda self: self.reference.effects)
    @rule(data=st.data(), deleted=st.booleans())
    def an_object_is_touched(self, data: st.DataObject, deleted: bool) -> None:
        made = data.draw(st.sampled_from(sorted(self.reference.effects)))
        if deleted:
            Effect.objects.filter(pk=made).delete()
            del self.reference.effects[made]
        else:
            Effect.objects.filter(pk=made).update(amount=3)
            self.reference.effects[made] = 3

    @precondition(lambda self: self.reference.records)
    @rule(data=st.data(), done=st.booleans())
    def somebody_resolves_it(self, data: st.DataObject, done: bool) -> None:
        place = self._draw(data)
        record, response = rows(place).get(), JsonResponse({"resolved": True}, status=201)
        if not self.reference.records[place].lost:
            with pytest.raises(ResolutionRefused):
                release(record, who="ops", why="Not done.")
        elif done:
            complete(record, response, who="ops", why="Done.")
            self.reference.resolve(place, 201, response.content)
        else:
            release(record, who="ops", why="Not done.")
            del self.reference.records[place]

    # -- What must be there ------------------------------------------------------------------------

    @invariant()
    def effects_are_what_was_answered(self) -> None:
        assert dict(Effect.objects.values_list("pk", "amount")) == self.reference.effects

    @invariant()
    def records_are_what_is_known(self) -> None:
        kept = {
            (scope, key): state
            for scope, key, state in IdempotencyRecord.objects.values_list("scope", "key", "state")
        }
        assert kept == {place: record.known.value for place, record in self.reference.records.items()}


@pytest.mark.databases(*(NAMES if EXAMPLES else ["sqlite"]))
def test_any_requests_in_any_order(database: Database, unheard: None) -> None:
    """REQ 1, 2, 3, 6, 8, 10, 12, 20, 26: after anything that may happen, each answer is the one that is promised."""
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES or 6,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
