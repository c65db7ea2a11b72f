"""What was left unknown is settled later than its lifetime, or after the object that it had bound was rolled back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency import Finding, Unknown, bind
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete
from tests.app.models import Effect
from tests.leased.desk import LEASED, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

ANSWER = {"found": True}


def charge(request: HttpRequest) -> HttpResponse:
    effect = Effect.objects.create(label="charge")
    bind(effect)
    if record().attempt == 1:
        raise RuntimeError("half way through")
    return JsonResponse({"id": effect.pk}, status=201)


def reconcile(found: IdempotencyRecord) -> HttpResponse | Finding:
    return JsonResponse(ANSWER, status=201)


urlpatterns = [
    path("fail/", leased(view=charge)),
    path("for-ever/", leased(LEASED.but(lifetime=None), charge)),
    path("retry/", leased(LEASED.but(on_unknown=Unknown.RETRY), charge)),
    path("reconcile/", leased(LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=reconcile), charge)),
]


def settle(url: str) -> Any:
    """Find out about a request whose attempt has failed, as its policy does it; the answer."""
    if url in ("/fail/", "/for-ever/"):
        complete(record(), JsonResponse(ANSWER, status=201), who="ops", why="The bank says so.")
    return post(url)


@pytest.mark.parametrize("url", ["/fail/", "/retry/", "/reconcile/"])
def test_after_its_lifetime(database: Database, url: str) -> None:
    """REQ 12: what is settled after the lifetime of its key is an answer for a whole lifetime, and not over at once."""
    assert post(url).status_code == 500
    asked = timezone.now() - timedelta(days=3)
    IdempotencyRecord.objects.update(created_at=asked, expires_at=asked + timedelta(days=1))
    answer = settle(url)
    assert answer.status_code == 201
    again = post(url)
    assert (again.status_code, again.content) == (201, answer.content)
    assert 86000 < int(again.headers["Idempotency-Key-Expires-In"]) <= 86400
    assert record().created_at == asked


@pytest.mark.parametrize("url", ["/fail/", "/retry/", "/reconcile/"])
def test_within_its_lifetime(database: Database, url: str) -> None:
    """REQ 12: otherwise the lifetime is counted from the first request on."""
    assert post(url).status_code == 500
    expires_at = record().expires_at
    assert settle(url).status_code == 201
    assert record().expires_at == expires_at


def test_without_a_lifetime(database: Database) -> None:
    """REQ 12: what lives for ever does so however it was settled."""
    assert post("/for-ever/").status_code == 500
    assert settle("/for-ever/").status_code == 201
    assert record().expires_at is None


@pytest.mark.parametrize("url", ["/fail/", "/reconcile/"])
def test_what_was_bound_and_rolled_back(database: Database, url: str) -> None:
    """REQ 20: an answer that was found out is not withheld for an object that the lost attempt had never committed."""
    assert post(url).status_code == 500
    for answer in (settle(url), post(url)):
        assert (answer.status_code, json.loads(answer.content)) == (201, ANSWER)
    assert Effect.objects.count() == 0
