"""Equal requests at once, in every order of their statements."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from datetime import timedelta
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.faults.server import POLICIES
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import post
from tests.rig import Database
from tests.statements.schedules import Explorer

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql", "mariadb")]


def pay(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label=request.headers["Idempotency-Key"])
    return JsonResponse({"id": effect.pk, "token": secrets.token_hex(8)}, status=201)


urlpatterns = [path(f"{name}/", idempotent(POLICIES[name])(pay)) for name in ("atomic", "fail", "retry")]


def test_count(database: Database):
    import time
    for n, guard, before, switches in [(2, "atomic", "fresh", None), (2, "atomic", "expired", None), (2, "fail", "fresh", None), (2, "fail", "expired", None), (2, "retry", "lapsed", None),
                     (3, "atomic", "fresh", 2),(3, "fail", "fresh", 2)]:
        e = Explorer(database.connect(), n)
        count = Counter(); waits = 0
        t = time.monotonic()
        keys = []
        def make():
            key = uuid4().hex
            keys.append(key)
            if before != "fresh":
                assert post(f"/{guard}/", key).status_code == 201
                past = timezone.now() - timedelta(days=1)
                if before == "expired":
                    IdempotencyRecord.objects.filter(key=key).update(expires_at=past)
                else:
                    IdempotencyRecord.objects.filter(key=key).update(state="in_progress", response_status=None, response_body=None, completed_at=None, lease_expires_at=past)
                Effect.objects.filter(label=key).delete()
            return [lambda: post(f"/{guard}/", key)] * n
        for s in e.explore(make, switches):
            waits += s.waits
            eff = Effect.objects.filter(label=keys[-1]).count()
            count[tuple(sorted(f"{r.status_code}{'R' if REPLAYED in r.headers else ''}" for r in s.results)), eff] += 1
            if sum(count.values()) % 100 == 1: print(s)
            if time.monotonic() - t > 40: print("TIMEOUT"); break
        print(n, guard, before, switches, sum(count.values()), dict(count), "waits", waits, f"{time.monotonic()-t:.1f}s")
        e.close()
