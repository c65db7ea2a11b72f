"""REQ 29: asynchronous functions."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from django_idempotency import IdempotencyPolicy, abind
from django_idempotency.exceptions import KeyReused
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.functions.desk import effects
from tests.rig import Database


@idempotent_function(IdempotencyPolicy(in_flight_wait=30.0), key=lambda order: order)
async def pay(order: str, fails: bool = False) -> tuple[int]:
    """Leave one effect."""
    effect = await Effect.objects.acreate(label=order)
    await abind(effect)
    if fails:
        raise LookupError
    return (effect.pk,)


def called(*calls: Any) -> list[Any]:
    """Await calls at once, on one loop."""

    async def gather() -> list[Any]:
        return list(await asyncio.gather(*calls, return_exceptions=True))

    return async_to_sync(gather)()


def test_it_is_asynchronous_still() -> None:
    """REQ 28, 29: a framework that asks whether to await it is told the truth."""
    assert inspect.iscoroutinefunction(pay)
    assert list(inspect.signature(pay).parameters) == ["order", "fails"]


def test_concurrent_duplicates_run_once(database: Database) -> None:
    """REQ 28, 29: of five at once, one runs; its ORM calls share the transaction of the claim."""
    results = called(*(pay("o") for _ in range(5)))
    assert results == [[Effect.objects.get().pk]] * 5
    assert IdempotencyRecord.objects.get().resource_type == "app.effect"


@pytest.mark.databases("sqlite")
def test_what_it_raises(database: Database) -> None:
    """REQ 28, 29: everything is undone; a refusal is raised where it is awaited."""
    assert [type(each) for each in called(pay("o", True))] == [LookupError]
    assert effects() == []
    assert called(pay("o"))[0]
    assert [type(each) for each in called(pay("o", True))] == [KeyReused]
