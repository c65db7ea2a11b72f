"""What came of one kind of load, in all rounds together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any


@dataclass(slots=True)
class Load:
    """
    It.

    Attributes:
        rates: answers in a second, round by round.
        seconds: of each answer of any round.
    """

    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, answers: Mapping[str, Any]) -> None:
        """Take what the client tells of one round."""
        self.rates.append(answers["rate"])
        self.seconds += answers["seconds"]

    def percentile(self, percent: int) -> float:
        """Of all answers, in milliseconds."""
        # Inclusive: of few answers it is nearly the slowest, and never slower than that.
        return quantiles(self.seconds, n=100, method="inclusive")[percent - 1] * 1000

    @property
    def as_json(self) -> dict[str, Any]:
        """The rates, and what is told of the times."""
        return {"rates": self.rates, "p50": self.percentile(50), "p99": self.percentile(99)}
