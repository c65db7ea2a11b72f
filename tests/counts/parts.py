"""What the tests of counts and signals share."""

from __future__ import annotations

from typing import Any

from django_idempotency import counts
from django_idempotency.events import Event
from django_idempotency.models import IdempotencyCount

ENDPOINT = "POST endpoint"


class Heard(list[Event]):
    """The events that a receiver was told, in their order."""

    def __call__(self, event: Event, **kwargs: Any) -> None:
        self.append(event)

    @property
    def ends(self) -> list[tuple[str, int | None]]:
        """Outcome and status of each."""
        return [(event.outcome, event.status) for event in self]


def written() -> dict[tuple[str, str], int]:
    """Write what this process has counted, and sum up the table."""
    counts.tally.write()
    return table()


def table() -> dict[tuple[str, str], int]:
    """The requests of all hours by endpoint and outcome."""
    sums: dict[tuple[str, str], int] = {}
    for count in IdempotencyCount.objects.all():
        sums[count.endpoint, count.outcome] = sums.get((count.endpoint, count.outcome), 0) + count.requests
    return sums
