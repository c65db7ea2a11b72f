"""
What is measured: how many guarded requests ended how, and how long they took.

Both are in the default registry of prometheus_client, which its own applications, and those of others, show.
"""

from typing import Any

from django.dispatch import receiver
from prometheus_client import Counter, Histogram

from ...events import Event
from ...signals import request_answered

LABELS = ("endpoint", "outcome")
# Endpoints that have time series of their own; those beyond share one, and no memory fills up.
MOST = 500
OTHERS = "others"

requests = Counter("idempotency_requests", "Guarded requests, by how they ended.", LABELS)
seconds = Histogram(
    "idempotency_request_duration_seconds",
    "Time from before the key was read until there was an answer.",
    LABELS,
)

_endpoints: set[str] = set()


@receiver(request_answered)
def measure(event: Event, **kwargs: Any) -> None:
    """Take one request down."""
    labels = _known(event.endpoint), event.outcome
    requests.labels(*labels).inc()
    seconds.labels(*labels).observe(event.seconds)


def _known(endpoint: str) -> str:
    if endpoint not in _endpoints:
        if len(_endpoints) >= MOST:
            return OTHERS
        _endpoints.add(endpoint)
    return endpoint
