"""The verdict: which fault undid what, whether there was a storm at all, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.storm.causes import OVERTAKEN, RAISED, UNEXPLAINED, Causes
from tests.faults.storm.history import Blow, History, Resolution
from tests.faults.storm.plan import Kind
from tests.faults.storm.test_rules import BODY, OTHER, RUN, answer, refused, work
from tests.faults.storm.verdict import Verdict

SESSION, PORT, PID = 7, 8, 9
LOST = {"pid": PID, "session": SESSION, "port": PORT, "began": 1.0, "over": 1.4}


def blow(kind: Kind, target: int, began: float = 1.2, ended: float | None = None) -> Blow:
    return Blow(kind=kind, target=target, began=began, ended=began if ended is None else ended)


def history(*blows: Blow, undone: dict[str, Any] | None = None, sent: float = 0.9, **changes: Any) -> History:
    """One key, done by one run, and before that by one that was undone."""
    works = {RUN: work(request="key/a/2", began=2.0, over=2.4)}
    works[OTHER] = work(OTHER, **{**LOST, **(undone or {})})
    answers = [answer(sent, None, request="key/a/1"), answer(1.9, request="key/a/2")]
    told: dict[str, Any] = {"effects": [("key", RUN)], "records": [("key", "completed")], "works": works}
    return History(**{**told, "promises": {"key": "retry"}, "answers": answers, "blows": [*blows], **changes})


DIED: dict[str, Any] = {"over": None}
# It was paused before it began, and resolved meanwhile.
RESOLVED = [Resolution(key="key", action="released", began=0.95, ended=0.96)]
CAUSED: dict[str, tuple[History, object]] = {
    "killed": (history(blow(Kind.KILL, PID), undone=DIED), Kind.KILL),
    "another was killed": (history(blow(Kind.KILL, PID + 1), undone=DIED), UNEXPLAINED),
    "killed before": (history(blow(Kind.KILL, PID, 0.5), undone=DIED), UNEXPLAINED),
    "killed, but it lived on": (history(blow(Kind.KILL, PID)), UNEXPLAINED),
    "its session ended": (history(blow(Kind.SESSION, SESSION)), Kind.SESSION),
    "its session ended later": (history(blow(Kind.SESSION, SESSION, 1.5)), UNEXPLAINED),
    "another session ended": (history(blow(Kind.SESSION, PORT)), UNEXPLAINED),
    "its COMMIT lost": (history(blow(Kind.COMMIT, PORT)), Kind.COMMIT),
    # COMMIT was applied: whatever is undone then is a defect.
    "the answer to it lost": (history(blow(Kind.ANSWER, PORT)), UNEXPLAINED),
    "database restarted": (history(blow(Kind.RESTART, 0, 0.8, 1.3)), Kind.RESTART),
    "raised": (history(undone={"raised": True}), RAISED),
    "paused, and nobody took it": (history(blow(Kind.PAUSE, PID)), UNEXPLAINED),
    "paused and overtaken": (
        history(blow(Kind.PAUSE, PID, 1.2, 3.0), undone={"over": 3.0}),
        Kind.PAUSE,
    ),
    "paused before it began": (
        history(blow(Kind.PAUSE, PID, 0.1, 0.99), sent=-0.2, resolutions=RESOLVED),
        Kind.PAUSE,
    ),
    "overtaken without a pause": (history(undone={"over": 3.0}), OVERTAKEN),
    # The other one was sent before it was over, and began after.
    "overtaken just before its end": (history(undone={"began": 1.8, "over": 1.95}, sent=0.3), OVERTAKEN),
    "before a lease can be over": (history(undone={"began": 1.8, "over": 1.95}, sent=0.6), UNEXPLAINED),
    "overtaken by one that did not begin": (
        history(undone={"over": 3.0}, works={OTHER: work(OTHER, **{**LOST, "over": 3.0})}),
        OVERTAKEN,
    ),
    "nobody may take it": (history(undone={"over": 3.0}, promises={"key": "fail"}), UNEXPLAINED),
    "no lease": (history(undone={"over": 3.0}, promises={"key": "atomic-waits"}), UNEXPLAINED),
    "nothing": (history(), UNEXPLAINED),
}


@pytest.mark.parametrize("words", CAUSED)
def test_what_undid_a_work(words: str) -> None:
    """A fault explains what it can have undone, and nothing else."""
    told, expected = CAUSED[words]
    ((undone, cause),) = Causes(told).undone
    assert undone.run == OTHER
    assert (cause.kind if isinstance(cause, Blow) else cause) == expected


def storm(keys: int = 17, inside: int = 1, blows: int = 1) -> History:
    """One second of a storm that keeps every promise."""
    told = History(promises={f"key-{number}": "atomic" for number in range(keys)})
    for number, key in enumerate(told.promises):
        run = f"run-{number}"
        told.answers.append(answer(1.9, key=key, body=b'{"run": "%s"}' % run.encode()))
        told.works[run] = work(run, key=key)
        told.effects.append((key, run))
        told.records.append((key, "completed"))
    for number in range(inside):
        told.works[f"undone-{number}"] = work(f"undone-{number}", key="key-0", pid=number, over=None)
    told.blows += [blow(Kind.KILL, number) for number in range(blows)]
    return told


def test_a_storm_in_which_all_is_kept() -> None:
    """It holds, and says so of each minimum."""
    verdict = Verdict(storm(), 1)
    assert verdict.holds
    assert "BROKEN" not in str(verdict)


STRUCK, INSIDE = "workers and sessions struck", "  inside a request, which was undone"


@pytest.mark.parametrize(
    ("calm", "short"),
    [
        (storm(keys=16), ["keys"]),
        (storm(blows=0, inside=0), [STRUCK, INSIDE]),
        (storm(inside=0), [INSIDE]),
    ],
)
def test_a_calm_is_no_storm(calm: History, short: list[str]) -> None:
    """What was not put to the test is not proved."""
    verdict = Verdict(calm, 1)
    assert not verdict.holds
    assert [line.words for line in verdict.lines if not line.holds] == short


def test_an_undone_work_needs_a_fault() -> None:
    """A work that nothing can have undone is a failure by itself, and told of."""
    told = storm()
    told.works["lost"] = work("lost", key="key-3", request="key/a/1.9")
    verdict = Verdict(told, 1)
    assert not verdict.holds
    assert "run lost is undone: unexplained" in str(verdict)


def test_a_broken_promise_is_told_in_words() -> None:
    """The table counts it, and the history of the key follows."""
    told = storm()
    told.effects.append(("key-5", "run-5"))
    told.answers += [refused(1, 503, "idempotency_unavailable", key="key-5")]
    verdict = Verdict(told, 1)
    assert not verdict.holds
    lines = str(verdict).splitlines()
    assert (
        next(line for line in lines if line.startswith("keys with other than one effect")).split()[6] == "1"
    )
    said = "\n".join(lines[lines.index("key-5 (atomic):") :])
    for words in (
        "2 effects in the database",
        "gets 503 idempotency_unavailable",
        "run run-5 of key/a/1 begins in process 1",
        "gets 201",
        "effects of ['run-5', 'run-5']",
    ):
        assert words in said


def test_all_that_was_seen_is_in_the_stories() -> None:
    """Nothing of one key ends up with another."""
    told = storm()
    told.resolutions.append(Resolution(key="key-2", action="released", began=1, ended=1))
    stories = {story.key: story for story in told.stories()}
    assert stories.keys() == told.promises.keys()
    assert [len(story.resolutions) for story in stories.values()].count(1) == 1
    assert stories["key-2"].resolutions
    assert all(len(story.effects) == 1 == len(story.answers) for story in stories.values())
    assert BODY not in {reply.body for story in stories.values() for reply in story.answers}
