"""What Prometheus is shown, in a process of its own that has the app installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.servers import ROOT

# A project with the app: three requests with one key, one of them with another body, and a purge.
PROJECT = """
import json, sys
from django.conf import settings
from tests import settings as base

names = {name: getattr(base, name) for name in dir(base) if name.isupper()}
names["INSTALLED_APPS"] = [*names["INSTALLED_APPS"], *json.loads(sys.argv[1])]
names["ROOT_URLCONF"] = "project"
settings.configure(**names)

import django
django.setup()

from django.core.management import call_command
from django.http import JsonResponse
from django.test import Client
from django.urls import path
from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.purge import purge
from django_idempotency.scopes import everyone

sys.modules["project"] = sys.modules["__main__"]
view = idempotent(IdempotencyPolicy(scope=everyone))(lambda request: JsonResponse({}, status=201))
urlpatterns = [path("pay/", view, name="pay")]

call_command("migrate", verbosity=0)
for amount in (1, 1, 2):
    Client().post("/pay/", {"amount": amount}, "application/json", headers={"Idempotency-Key": "very-secret"})
purge(rest=0.0)

if "prometheus_client" in sys.modules:
    from prometheus_client import generate_latest
    print(generate_latest().decode())
"""


def shown(*apps: str) -> list[str]:
    """The lines of the text format that tell of the package."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROJECT, json.dumps(apps)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "sqlite://:memory:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "very-secret" not in done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("idempotency_")]


def test_each_outcome_by_endpoint() -> None:
    """REQ 27: how many requests of each endpoint ended how, how long they took, and what a purge did."""
    lines = shown("django_idempotency.contrib.prometheus")
    for outcome in ("executed", "replayed", "idempotency_conflict"):
        labels = f'{{endpoint="POST pay",outcome="{outcome}"}}'
        assert f"idempotency_requests_total{labels} 1.0" in lines
        assert f"idempotency_request_seconds_count{labels} 1.0" in lines
    assert 'idempotency_records_purged_total{what="expired"} 0.0' in lines


def test_nothing_of_it_where_it_is_not_asked_for() -> None:
    """REQ 27: without the app nothing is imported, and nothing counted."""
    assert shown() == []
