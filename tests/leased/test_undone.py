"""The database has undone the handler's transaction, and the handler hides it: nothing is said to be done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from django.db import OperationalError, connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from tests.app.models import Effect
from tests.leased.desk import LEASED, code, leased, post, record
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

PATIENCE = 30.0
# The rows that two sessions want in opposite orders.
ACCOUNTS: list[int] = []


class Turns:
    """Who holds the first of its rows."""

    mine, theirs = Event(), Event()


def deadlocked(request: HttpRequest) -> HttpResponse:
    """Pay, and take it lightly that a counter could not be raised; in SQL of its own, of which Django hears nothing."""
    Effect.objects.create(label="paid")
    Effect.objects.filter(pk=ACCOUNTS[0]).update(amount=F("amount") + 1)
    Turns.mine.set()
    assert Turns.theirs.wait(PATIENCE)
    try:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE app_effect SET amount = amount + 1 WHERE id = %s", [ACCOUNTS[1]])
    except OperationalError:
        return JsonResponse({"paid": True, "counted": False}, status=201)
    return JsonResponse({"paid": True}, status=201)


def rolled_back(request: HttpRequest) -> HttpResponse:
    Effect.objects.create(label="paid")
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")
    return JsonResponse({"paid": True}, status=201)


urlpatterns = [
    path("deadlocked/", leased(LEASED, deadlocked)),
    path("rolled-back/", leased(LEASED, rolled_back)),
]


@pytest.mark.databases("mariadb")
def test_a_deadlock(database: Database) -> None:
    """REQ 2: MariaDB undoes the whole transaction; the success is not stored, and the outcome is unknown."""
    ACCOUNTS[:] = [Effect.objects.create(label="account").pk for _ in range(2)]
    Turns.mine.clear()
    Turns.theirs.clear()
    other = database.connect()

    def opponent() -> None:
        with other.cursor() as cursor:
            other.set_autocommit(False)
            # The one that has changed less is undone.
            weight = (
                "INSERT INTO app_effect (label, amount, created_at) VALUES ('weight', 0, UTC_TIMESTAMP(6))"
            )
            for _ in range(50):
                cursor.execute(weight)
            cursor.execute("UPDATE app_effect SET amount = amount + 10 WHERE id = %s", [ACCOUNTS[1]])
            assert Turns.mine.wait(PATIENCE)
            Turns.theirs.set()
            cursor.execute("UPDATE app_effect SET amount = amount + 10 WHERE id = %s", [ACCOUNTS[0]])
            other.commit()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(opponent)
        answer = post("/deadlocked/")
        running.result(PATIENCE)
    assert code(answer) == (503, "idempotency_unavailable")
    assert not Effect.objects.filter(label="paid").exists()
    assert record().state == "unknown"
    assert code(post("/deadlocked/")) == (409, "outcome_unknown")


def test_a_rollback_of_its_own(database: Database) -> None:
    """REQ 2: a handler that ends the transaction behind Django's back has no success stored for what is undone."""
    assert post("/rolled-back/").status_code in (500, 503)
    assert not Effect.objects.exists()
    assert code(post("/rolled-back/")) == (409, "outcome_unknown")
