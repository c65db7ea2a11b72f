"""Whether it was a storm, and whether every promise was kept: as a table, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from tests.faults.storm.causes import UNEXPLAINED, Causes
from tests.faults.storm.history import Answer, History, Story, Work
from tests.faults.storm.plan import BLOWS, Kind
from tests.faults.storm.rules import answered, broken, describe

# For each minute: keys, faults, and faults that have undone a work. A shorter storm needs its part of them.
KEYS, FAULTS, INSIDE = 1000, 30, 20
# How many of the keys are told of in words.
TOLD = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A number of the table, and what it must be."""

    words: str
    number: int
    least: int = 0
    most: int | None = None

    @property
    def holds(self) -> bool:
        return self.least <= self.number and (self.most is None or self.number <= self.most)

    def __str__(self) -> str:
        wanted = (
            f"at least {self.least}" if self.least else "" if self.most is None else f"must be {self.most}"
        )
        return f"{self.words:<44}{self.number:>7}  {wanted}{'' if self.holds else '  <-- BROKEN'}".rstrip()


class Verdict:
    """What a history says of a storm of so many seconds."""

    def __init__(self, history: History, seconds: float) -> None:
        self._history = history
        self._stories = history.stories()
        self._causes = Causes(history)
        self.broken = {story.key: words for story in self._stories if (words := broken(story))}
        self.lines = [*self._asked(seconds), *self._struck(seconds), *self._done(), *self._kept()]

    @property
    def holds(self) -> bool:
        return not self.broken and all(line.holds for line in self.lines)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.lines), *self._told()])

    def _asked(self, seconds: float) -> Iterator[Line]:
        answers = self._history.answers
        yield Line("keys", len(self._stories), least=ceil(KEYS * seconds / 60))
        yield Line("requests", len(answers))
        for words, number in Counter(map(_outcome, answers)).most_common():
            yield Line(f"  {words}", number)

    def _struck(self, seconds: float) -> Iterator[Line]:
        kinds = Counter(blow.kind for blow in self._history.blows)
        for kind in Kind:
            yield Line(kind.value, kinds[kind])
        hits = sum(kinds[kind] for kind in BLOWS)
        yield Line("workers and sessions struck", hits, least=ceil(FAULTS * seconds / 60))
        inside = {
            cause for _, cause in self._causes.undone if not isinstance(cause, str) and cause.kind in BLOWS
        }
        yield Line("  inside a request, which was undone", len(inside), least=ceil(INSIDE * seconds / 60))

    def _done(self) -> Iterator[Line]:
        works, undone = self._history.works.values(), self._causes.undone
        yield Line("works begun", len(works))
        yield Line("works undone", len(undone))
        causes = Counter(cause if isinstance(cause, str) else cause.kind.value for _, cause in undone)
        for words, number in causes.most_common():
            yield Line(f"  {words}", number, most=0 if words == UNEXPLAINED else None)
        again = Counter(work.key for work in works)
        yield Line("keys that were begun more than once", sum(number > 1 for number in again.values()))
        actions = Counter(resolution.action for resolution in self._history.resolutions)
        yield Line("resolved by hand as done", actions["completed"])
        yield Line("resolved by hand as not done", actions["released"])

    def _kept(self) -> Iterator[Line]:
        stories = self._stories
        yield Line("keys with other than one effect", sum(len(each.effects) != 1 for each in stories), most=0)
        yield Line("keys without a last answer", sum(any(answered(each)) for each in stories), most=0)
        yield Line("keys with a broken rule", len(self.broken), most=0)

    def _told(self) -> Iterator[str]:
        """The histories of the keys in question, in words."""
        unexplained = {work.key for work, cause in self._causes.undone if cause == UNEXPLAINED}
        questionable = [story for story in self._stories if story.key in unexplained | self.broken.keys()]
        for story in questionable[:TOLD]:
            yield from ("", f"{story.key} ({story.endpoint}):", *self.broken.get(story.key, []))
            yield from (f"  {at:12.3f}  {words}" for at, words in sorted(self._events(story)))
            yield f"  in the end: effects of {story.effects}, records {story.records}"
        if len(questionable) > TOLD:
            yield f"\nand {len(questionable) - TOLD} more keys"

    def _events(self, story: Story) -> Iterator[tuple[float, str]]:
        causes = {work.run: cause for work, cause in self._causes.undone}
        for answer in story.answers:
            yield answer.sent, f"{answer.request} is sent"
            yield answer.received, f"{answer.request} gets {describe(answer)}"
        for work in story.works:
            yield from _of_work(work)
            if work.run in causes:
                yield work.over or work.began, f"run {work.run} is undone: {causes[work.run]}"
        for resolution in story.resolutions:
            yield resolution.ended, f"{resolution.action} by hand"


def _of_work(work: Work) -> Iterator[tuple[float, str]]:
    where = f"in process {work.pid}, session {work.session}, port {work.port}"
    yield work.began, f"run {work.run} of {work.request} begins {where}"
    if work.over is not None:
        how = "raised" if work.raised else "came outside" if work.outside else "cut short"
        yield work.over, f"run {work.run} is over: {how}"


def _outcome(answer: Answer) -> str:
    if answer.success:
        return "201, a replay" if answer.replayed else "201"
    return answer.code if answer.status is None else f"{answer.status} {answer.code}".rstrip()
