"""The checker finds what breaks a promise: each made-up history breaks one rule, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.storm.history import BY_HAND, HUNG_UP, LOST, Answer, Resolution, Story, Work
from tests.faults.storm.rules import broken

RUN, OTHER = "run-1", "run-2"
BODY = b'{"id": 1, "run": "run-1"}'


def answer(at: float, status: int | None = 201, **seen: Any) -> Answer:
    """What client "a" saw at that time; by default the success."""
    if status == 201:
        seen = {"body": BODY, "content_type": "application/json", **seen}
    name = {"key": "key", "asker": "a", "request": f"key/a/{at}", **seen}
    return Answer(**{"sent": at, "received": at + 0.5, "status": status, **name})


def refused(at: float, status: int, code: str, **seen: Any) -> Answer:
    return answer(at, status, code=code, **{"should_retry": "true", "retry_after": "1", **seen})


def work(run: str = RUN, **told: Any) -> Work:
    told = {"request": "key/a/1", "began": 1.0, "outside": True, "over": 1.4, **told}
    return Work(**{"run": run, "key": "key", "pid": 1, "session": 1, "port": 1, "downstream": "d", **told})


def released(at: float = 2.0) -> Resolution:
    return Resolution(key="key", action="released", began=at, ended=at)


def story(endpoint: str = "atomic", **changes: Any) -> Story:
    """A key that was asked for twice, done once, and answered alike."""
    told: dict[str, Any] = {"answers": [answer(1), answer(3, replayed=True)], "works": [work()]}
    told |= {"effects": [RUN], "records": ["completed"]}
    return Story(key="key", endpoint=endpoint, **{**told, **changes})


IN_PROGRESS = refused(0, 409, "idempotency_in_progress")
UNAVAILABLE = refused(0, 503, "idempotency_unavailable")
UNKNOWN = refused(0, 409, "outcome_unknown", should_retry="false", retry_after=None)
RAISED = answer(0, 500, request="key/a/0")
UNDONE = work(OTHER, request="key/a/0", began=0.1, over=0.4)


@pytest.mark.parametrize(
    "kept",
    [
        story(),
        story("fail-waits"),
        story(answers=[IN_PROGRESS, UNAVAILABLE, answer(1)]),
        story(answers=[answer(0, None, code=LOST), answer(0.1, None, code=HUNG_UP), answer(1)]),
        # Asked for at the same time as the success arrived, so it may have come before it.
        story(answers=[answer(1), refused(1.4, 409, "idempotency_in_progress"), answer(3, replayed=True)]),
        story(answers=[answer(1), refused(2, 503, "idempotency_unavailable"), answer(3, replayed=True)]),
        story(works=[UNDONE, work()]),
        story(answers=[RAISED, answer(1)], works=[replace(UNDONE, raised=True, outside=False), work()]),
        story("fail", answers=[UNKNOWN, answer(1)], works=[UNDONE, work()], resolutions=[released()]),
        story(
            "fail",
            answers=[UNKNOWN, answer(1, replayed=True, body=b'{"run": "by-hand-run-1"}')],
            effects=[BY_HAND + RUN],
        ),
        story("retry", works=[UNDONE, work()]),
    ],
)
def test_what_is_allowed_is_not_found(kept: Story) -> None:
    """A checker that cries wolf would be switched off."""
    assert broken(kept) == []


BROKEN = {
    "0 effects": story(effects=[]),
    "2 effects": story("retry", effects=[RUN, OTHER], works=[work(), work(OTHER)]),
    "its records are []": story(records=[]),
    "its records are ['in_progress']": story("fail", records=["in_progress"]),
    "2 different successes": story(answers=[answer(1), answer(3, body=BODY + b" ", replayed=True)]),
    "2 successes that are no replays": story(answers=[answer(1), answer(3)]),
    "told of another run": story(works=[work(), work(OTHER)], effects=[OTHER]),
    "it was never asked for": story(answers=[]),
    "client a was never answered": story(answers=[UNAVAILABLE]),
    "client b was never answered": story(answers=[answer(1), answer(0, None, code=LOST, asker="b")]),
    "answered 500, and its handler did not raise": story(answers=[RAISED, answer(1)]),
    "answered 422": story(answers=[refused(0, 422, "idempotency_conflict"), answer(1)]),
    "answered 502": story(answers=[answer(0, 502), answer(1)]),
    "after: None": story(answers=[replace(IN_PROGRESS, retry_after=None), answer(1)]),
    "should retry: false": story(answers=[replace(UNAVAILABLE, should_retry="false"), answer(1)]),
    "409 outcome_unknown": story("retry", answers=[UNKNOWN, answer(1)]),
    "409 outcome_unknown (should retry: true": story(
        "fail", answers=[replace(UNKNOWN, should_retry="true"), answer(1)]
    ),
    "after a success had arrived": story(
        answers=[answer(1), refused(2, 409, "idempotency_in_progress"), answer(3, replayed=True)]
    ),
    "ran 2 times, and 1 were allowed": story("fail", works=[UNDONE, work()]),
    "ran 3 times, and 2 were allowed": story(
        "fail", works=[UNDONE, work("run-3"), work()], resolutions=[released()]
    ),
    "effect outside is missing": story(works=[work(outside=False)]),
    "different downstream keys": story("retry", works=[replace(UNDONE, downstream="e"), work()]),
}


@pytest.mark.parametrize("words", BROKEN)
def test_what_is_not_allowed_is_found(words: str) -> None:
    """One rule is broken, and it is said which."""
    (said,) = broken(BROKEN[words])
    assert words in said
