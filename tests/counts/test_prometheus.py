"""What Prometheus reads of guarded requests."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from django_idempotency.contrib.prometheus import metrics
from django_idempotency.events import Event
from django_idempotency.signals import request_answered
from tests.counts.parts import ENDPOINT
from tests.rig import Database
from tests.rules.parts import Site, send
from tests.servers import ROOT, http_client, serve

Samples = dict[tuple[str, str, str], float]


def read(text: str) -> Samples:
    """The samples of the package by name, endpoint and outcome, without the buckets."""
    return {
        (sample.name, sample.labels["endpoint"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("idempotency_") and not sample.name.endswith(("_bucket", "_created"))
    }


@pytest.fixture
def measured() -> Iterator[None]:
    """As with the app installed, whose registry is the process's and outlives a test."""
    for metric in (metrics.requests, metrics.seconds):
        metric.clear()
    metrics._endpoints.clear()
    request_answered.connect(metrics.measure)
    yield
    request_answered.disconnect(metrics.measure)


def shown() -> Samples:
    return read(generate_latest(REGISTRY).decode())


@pytest.mark.usefixtures("measured")
def test_requests_are_measured(database: Database, site: Site) -> None:
    """REQ 27: a counter and a histogram, by endpoint and outcome, in the registry that every exporter shows."""
    client = site()
    for body in ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}):
        send(client, body, path="/x")
    samples = shown()
    name = "idempotency_request_duration_seconds"
    ends = {"executed": 1.0, "replayed": 1.0, "idempotency_conflict": 2.0}
    assert {(kind, key): value for (kind, _, key), value in samples.items() if kind != f"{name}_sum"} == {
        **{("idempotency_requests_total", end): number for end, number in ends.items()},
        **{(f"{name}_count", end): number for end, number in ends.items()},
    }
    assert {endpoint for _, endpoint, _ in samples} == {ENDPOINT}
    assert all(0 < samples[f"{name}_sum", ENDPOINT, end] < 60 for end in ends)


@pytest.mark.usefixtures("measured")
def test_endpoints_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 27: endpoints without number do not fill up whoever stores the series."""
    monkeypatch.setattr(metrics, "MOST", 2)
    for endpoint in ("a", "b", "c", "d", "a", "c"):
        event = Event(endpoint=endpoint, mode="atomic", outcome="executed", status=201, seconds=0.1)
        request_answered.send(sender=None, event=event)
    assert {endpoint: value for (name, endpoint, _), value in shown().items() if name.endswith("_total")} == {
        "a": 2,
        "b": 1,
        "others": 3,
    }


@pytest.mark.databases("postgresql")
def test_all_workers_are_one(database: Database, tmp_path: Path) -> None:
    """REQ 27: with one more app, and prometheus_client told of several processes, each worker's requests are shown."""
    environ = {
        "DJANGO_SETTINGS_MODULE": "tests.counts.metrics_settings",
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "EVERY": "3600",
    }
    with serve(database, workers=2, environ=environ) as server:
        for key in "abcabc":
            with http_client(server.url) as http:
                http.post("/pay/", headers={"Idempotency-Key": key}).raise_for_status()
        with http_client(server.url) as http:
            samples = read(http.get("/metrics").text)
    assert samples["idempotency_requests_total", "POST pay", "executed"] == 3
    assert samples["idempotency_requests_total", "POST pay", "replayed"] == 3


WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "prometheus_client":
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import django
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
settings.configure(INSTALLED_APPS=["django_idempotency", "django_idempotency.contrib.prometheus"])
try:
    django.setup()
except ImproperlyConfigured as error:
    print(error)
"""


def test_without_the_package() -> None:
    """REQ 27: where it is not installed, the app says what to install; without the app nobody asks for it."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    assert "install django-idempotency[prometheus]" in done.stdout
    plain = WITHOUT.replace(', "django_idempotency.contrib.prometheus"', "")
    done = subprocess.run(
        [sys.executable, "-c", plain], cwd=ROOT, env={}, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")
