"""What came of one kind of load, in all rounds together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from statistics import quantiles
from typing import Any


@dataclass(slots=True)
class Load:
    """
    It.

    Attributes:
        rates: answers in a second, round by round.
        seconds: of each answer, round by round.
    """

    rates: list[float] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)

    def add(self, answers: Mapping[str, Any]) -> None:
        """Take what the client tells of one round."""
        self.rates.append(answers["rate"])
        self.seconds.append(answers["seconds"])

    def percentile(self, percent: int) -> float:
        """Of all answers together, in milliseconds."""
        return _percentile([*chain(*self.seconds)], percent)

    def percentiles(self, percent: int) -> list[float]:
        """Of each round, in milliseconds: for rounds that are long, of which one stall must not decide."""
        return [_percentile(seconds, percent) for seconds in self.seconds]

    @property
    def as_json(self) -> dict[str, Any]:
        """The rates, and what is told of the times."""
        return {"rates": self.rates, "p50": self.percentile(50), "p99": self.percentile(99)}


def _percentile(seconds: list[float], percent: int) -> float:
    if len(seconds) == 1:  # which Python 3.13 is the first to take
        return seconds[0] * 1000
    # Inclusive: of few answers it is nearly the slowest, and never slower than that.
    return quantiles(seconds, n=100, method="inclusive")[percent - 1] * 1000
