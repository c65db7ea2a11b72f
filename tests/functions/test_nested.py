"""A guarded function within something else that is guarded, or within a transaction of its caller's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from django_idempotency import IdempotencyPolicy, Mode
from django_idempotency.decorators import idempotent
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.functions.desk import NAME, effects, guarded, pay
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)


@idempotent(IdempotencyPolicy(scope=everyone, endpoint="checkout"))
def checkout(request: HttpRequest) -> HttpResponse:
    """Pay by the function, and end as the body asks for."""
    said = json.loads(request.body)
    paid = pay(said["order"])
    Effect.objects.create(label="checkout")
    return JsonResponse(paid, status=said.get("status", 201))


urlpatterns = [path("checkout/", checkout)]


def post(key: str, **body: Any) -> Any:
    return Client().post("/checkout/", body, "application/json", headers={"Idempotency-Key": key})


def endpoints() -> list[str]:
    return sorted(IdempotencyRecord.objects.values_list("endpoint", flat=True))


@idempotent_function(key=lambda order: order)
def close(order: str, fails: bool = False) -> dict[str, Any]:
    """Pay in a function around, and leave a second effect."""
    try:
        paid = ship(order, fails)
    except RuntimeError as error:
        paid = {"error": str(error)}
    Effect.objects.create(label="closed")
    return dict(paid)


@idempotent_function(key=lambda order: order)
def ship(order: str, fails: bool = False) -> dict[str, Any]:
    Effect.objects.create(label="shipped")
    if fails:
        raise RuntimeError("no truck")
    return {"order": order}


def test_a_view_calls_a_function(database: Database) -> None:
    """REQ 28, 2: both keys are stored with one COMMIT; a retry of either runs nothing."""
    first = post("k", order="o")
    assert (effects(), endpoints()) == (["checkout", "o"], ["checkout", NAME])
    assert post("k", order="o").content == first.content
    assert pay("o") == first.json()
    assert effects() == ["checkout", "o"]


def test_the_view_is_refused(database: Database) -> None:
    """REQ 28, 2: what the function stored is forgotten with the request that called it."""
    assert post("k", order="o", status=400).status_code == 400
    assert (effects(), endpoints()) == ([], [])
    assert post("k", order="o").status_code == 201
    assert effects() == ["checkout", "o"]


def test_a_function_that_was_called_before(database: Database) -> None:
    """REQ 28, 3: another request that comes to the same call is given the stored result."""
    paid = pay("o")
    assert post("k", order="o").json() == paid
    assert effects() == ["checkout", "o"]


def test_a_function_calls_another(database: Database) -> None:
    """REQ 28, 2: the inner key is its own, and both are stored together."""
    assert close("o") == close("o") == {"order": "o"}
    assert ship("o") == {"order": "o"}
    assert effects() == ["closed", "shipped"]


def test_the_failure_of_the_inner_is_its_own(database: Database) -> None:
    """REQ 28, 2: what the inner one did is undone and its key free; the outer one goes on, and is stored."""
    assert close("o", True) == close("o", True) == {"error": "no truck"}
    assert (effects(), len(endpoints())) == (["closed"], 1)


def test_a_function_that_calls_itself(database: Database) -> None:
    """REQ 28: with the same key it is one call; with another, another one."""

    @idempotent_function(key=lambda order: order)
    def again(order: str, times: int) -> int:
        Effect.objects.create(label=f"{order}{times}")
        return 1 + int(again(order, times - 1)) if times else 0

    assert again("o", 2) == again("o", 2) == 2
    assert (effects(), IdempotencyRecord.objects.count()) == (["o0", "o1", "o2"], 1)


@pytest.mark.parametrize("mode", Mode)
def test_the_transaction_of_the_caller(database: Database, mode: Mode) -> None:
    """REQ 28, 2: mode atomic joins it, and is forgotten with it; mode leased cannot claim in it, and says so."""
    work = guarded(IdempotencyPolicy(mode=mode))
    undone = RuntimeError if mode is Mode.ATOMIC else ImproperlyConfigured

    def caller() -> None:
        with transaction.atomic():
            work("o")
            raise RuntimeError

    with pytest.raises(undone):
        caller()
    assert (effects(), endpoints()) == ([], [])
    with transaction.atomic():
        pay("o")
    assert pay("o")
    assert effects() == ["o"]


def test_a_block_of_its_own_in_the_transaction_of_the_caller(database: Database) -> None:
    """REQ 28, 2: what the function raises undoes that block, and the caller goes on."""
    with transaction.atomic():
        Effect.objects.create(label="before")
        with pytest.raises(RuntimeError), transaction.atomic():
            ship("o", True)
        assert ship("o") == {"order": "o"}
    assert ship("o") == {"order": "o"}
    assert (effects(), len(endpoints())) == (["before", "shipped"], 1)
