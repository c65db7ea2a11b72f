"""What the servers of these tests serve: an endpoint that is counted, and written as soon as the environment says."""

from __future__ import annotations

import os

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from django_idempotency import counts
from django_idempotency.decorators import idempotent
from tests.rules.parts import OPEN, insert

counts.EVERY = float(os.environ["EVERY"])


def metrics(request: HttpRequest) -> HttpResponse:
    """What all workers have measured."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


urlpatterns = [
    path("pay/", csrf_exempt(idempotent(OPEN)(insert)), name="pay"),
    path("metrics", metrics),
]
