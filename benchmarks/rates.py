"""How many records a purge removes in a second, and whether it goes on as it has begun."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from django_idempotency.purge import Purged, purge


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """
    What one purge has done.

    Attributes:
        rest: its pacing: it slept so many times as long as each batch took.
        seconds: how long it went on.
        removed: how many records it removed.
        first, second: milliseconds from the end of a batch to the end of a batch of removals, the median of the
            first and the second half of them.
    """

    rest: float
    seconds: float
    removed: int
    first: float
    second: float

    @property
    def a_second(self) -> float:
        """Records removed in a second; the looks at bound objects in between took a part of it."""
        return self.removed / self.seconds


def rate(rest: float, seconds: float) -> Rate:
    """Purge for so long, in batches of the default size."""
    gaps: list[float] = []
    seen, at = 0, time.monotonic()

    def note(done: Purged) -> None:
        nonlocal seen, at
        now = time.monotonic()
        if done.expired > seen:
            gaps.append((now - at) * 1000)
        seen, at = done.expired, now

    began = time.monotonic()
    done = purge(rest=rest, seconds=seconds, progress=note)
    if done.finished:
        raise RuntimeError("the purge came to its end before the time was over: take more rows")
    half = len(gaps) // 2
    return Rate(
        rest=rest,
        seconds=time.monotonic() - began,
        removed=done.expired,
        first=median(gaps[:half]),
        second=median(gaps[half:]),
    )
