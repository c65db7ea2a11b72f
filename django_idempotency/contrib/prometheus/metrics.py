"""Counters and a histogram, fed by the signals. No label is a key, a scope or a user."""

from typing import Any

from django.dispatch import receiver
from prometheus_client import Counter, Histogram

from ...events import Event
from ...purge import Purged
from ...signals import record_settled, records_purged, request_answered

# As many series as there are guarded routes, times the few ways in which a request ends.
REQUESTS = Counter(
    "idempotency_requests",
    "Requests of guarded endpoints, by how they ended.",
    ["endpoint", "outcome"],
)
SECONDS = Histogram(
    "idempotency_request_seconds",
    "Time from before the key was read until there was an answer, the handler's included.",
    ["endpoint", "outcome"],
)
SETTLED = Counter("idempotency_records_settled", "What was done to records by hand.", ["endpoint", "action"])
PURGED = Counter("idempotency_records_purged", "What purges have done to records.", ["what"])


@receiver(request_answered)
def _count_request(event: Event, **kwargs: Any) -> None:
    REQUESTS.labels(event.endpoint, event.outcome).inc()
    SECONDS.labels(event.endpoint, event.outcome).observe(event.seconds)


@receiver(record_settled)
def _count_settled(endpoint: str, action: str, **kwargs: Any) -> None:
    SETTLED.labels(endpoint, action).inc()


@receiver(records_purged)
def _count_purged(purged: Purged, **kwargs: Any) -> None:
    PURGED.labels("expired").inc(purged.expired)
    PURGED.labels("tombstone").inc(purged.tombstones)
