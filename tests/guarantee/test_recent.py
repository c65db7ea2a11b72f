"""What a process remembers of the keys that it has answered saves a statement, and decides nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency.decorators import idempotent
from django_idempotency.fingerprints import Taken
from django_idempotency.models import IdempotencyRecord
from django_idempotency.recent import MOST, SLOTS, Recent
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, effects, post
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)


@idempotent(POLICY)
def pay(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"id": Effect.objects.create(label="paid").pk}, status=201)


urlpatterns = [path("pay/", pay)]


def test_a_remembered_key_whose_record_is_gone_is_free(database: Database) -> None:
    """REQ 12: purged by whomever: the next request is carried out."""
    post("/pay/")
    IdempotencyRecord.objects.all().delete()
    again = post("/pay/")
    assert (again.status_code, REPLAYED in again.headers, effects()) == (201, False, 2)


def test_a_remembered_key_that_has_expired_is_free(database: Database) -> None:
    """REQ 12: the database's clock decides, and it is asked."""
    post("/pay/")
    IdempotencyRecord.objects.update(expires_at=F("created_at") - timedelta(days=1))
    again = post("/pay/")
    assert (again.status_code, REPLAYED in again.headers, effects()) == (201, False, 2)
    assert post("/pay/").headers[REPLAYED] == "true"


def test_it_remembers_the_youngest_and_no_more_than_it_may() -> None:
    """Whatever comes: the last keys are known, and memory does not grow."""
    recent = Recent()
    for number in range(3 * SLOTS):
        recent.note(f"{number}", Taken("1:", b"digest" if number % 2 else None))
    known = [recent.get(f"{number}") for number in range(3 * SLOTS)]
    youngest = known[-SLOTS // 16 :]
    # Nine of ten at least: two may fall into one slot.
    assert sum(taken is not None for taken in youngest) > 0.9 * len(youngest)
    assert sum(taken is not None for taken in known) <= SLOTS
    bodies = [number for number, taken in enumerate(known) if taken is not None and taken.written]
    assert MOST // 2 < len(bodies) < 2 * MOST
    assert all(number % 2 for number in bodies)
    recent.forget()
    assert recent.get(f"{3 * SLOTS - 1}") is None
