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
from tests.docs.pages import page
from tests.functions.desk import effects
from tests.rig import Database

PAGE = page("docs/howto/guard-tasks-and-functions.md")


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


@pytest.mark.databases("postgresql", "mariadb")
def test_calls_that_have_a_thread_each(database: Database) -> None:
    """REQ 28, 29: in contexts of their own, as the how-to gives them, calls run beside each other."""
    names: dict[str, Any] = {}
    next(block for block in PAGE.blocks if "def one_call" in block.text).run(names)
    meeting = asyncio.Barrier(2)

    @idempotent_function(key=lambda order: order)
    async def meet(order: str) -> str:
        await Effect.objects.acreate(label=order)
        async with asyncio.timeout(30):
            await meeting.wait()
        return order

    async def served(order: str) -> str:
        async with names["one_call"]():
            return str(await meet(order))

    async def both() -> list[str]:
        return list(await asyncio.gather(served("a"), served("b")))

    # Not by `async_to_sync`, which lends its own thread to all.
    assert asyncio.run(both()) == ["a", "b"]
    assert effects() == ["a", "b"]


@pytest.mark.databases("sqlite")
def test_what_it_raises(database: Database) -> None:
    """REQ 28, 29: everything is undone; a refusal is raised where it is awaited."""
    assert [type(each) for each in called(pay("o", True))] == [LookupError]
    assert effects() == []
    assert called(pay("o"))[0]
    assert [type(each) for each in called(pay("o", True))] == [KeyReused]
