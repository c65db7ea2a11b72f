"""Which fault undid which work: a work that was undone without one is a defect of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from math import inf

from tests.faults.storm.history import Blow, History, Resolution, Work
from tests.faults.storm.plan import LEASE, Kind

# Not the nemesis's doing.
RAISED = "raised by the handler"
OVERTAKEN = "lease was over without a fault"
UNEXPLAINED = "unexplained"


class Causes:
    """
    The faults of a history, by whom they can have met.

    Attributes:
        undone: each work without an effect, with the fault that undid it, or one of the words above.
    """

    def __init__(self, history: History) -> None:
        self._blows: dict[tuple[Kind, int], list[Blow]] = defaultdict(list)
        for blow in history.blows:
            self._blows[blow.kind, blow.target].append(blow)
        self._sent = {answer.request: answer.sent for answer in history.answers}
        self._promises = history.promises
        self._asked: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for answer in history.answers:
            self._asked[answer.key].append((answer.request, answer.sent))
        self._resolutions: dict[str, list[Resolution]] = defaultdict(list)
        for resolution in history.resolutions:
            self._resolutions[resolution.key].append(resolution)
        self.undone = [(work, self._cause(work)) for work in history.undone()]

    def _cause(self, work: Work) -> Blow | str:
        if work.over is None:  # only with its process does a request end without a word
            return next(during(work.began, inf, self._blows[Kind.KILL, work.pid]), UNEXPLAINED)
        if work.raised:
            return RAISED
        lost = (
            *self._blows[Kind.SESSION, work.session],
            *self._blows[Kind.COMMIT, work.port],
            *self._blows[Kind.RESTART, 0],
        )
        if (blow := next(during(work.began, work.over, lost), None)) is not None:
            return blow
        # A claim may be lost as well before the work begins that it is for.
        since = self._sent[work.request]
        if self._overtaken(work, since):
            return next(during(since, work.over, self._blows[Kind.PAUSE, work.pid]), OVERTAKEN)
        return UNEXPLAINED

    def _overtaken(self, work: Work, since: float) -> bool:
        """Whether its claim can have gone to another attempt, or to an operator, before it was over."""
        if work.over is None or work.over - since < LEASE or self._promises[work.key].startswith("atomic"):
            return False
        # Whoever takes a claim may die before its own work begins, so that only its request is known.
        others = [sent for request, sent in self._asked[work.key] if request != work.request]
        if self._promises[work.key].startswith("retry") and any(sent <= work.over for sent in others):
            return True
        return any(each.ended >= since and each.began <= work.over for each in self._resolutions[work.key])


def during(began: float, ended: float, blows: Iterable[Blow]) -> Iterator[Blow]:
    """Those that fell, or lasted, in that time."""
    return (blow for blow in blows if blow.ended >= began and blow.began <= ended)
