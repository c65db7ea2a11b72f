"""Which calls are the same: the arguments as the function's signature binds them, in their canonical form."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from django_idempotency import IdempotencyPolicy, PolicyError
from django_idempotency.exceptions import KeyReused
from django_idempotency.functions import idempotent_function
from tests.app.models import Effect
from tests.functions.desk import effects, guarded, pay, record
from tests.rig import Database

pytestmark = pytest.mark.databases("sqlite")

ID = uuid.uuid4()


class Colour(Enum):
    RED = 1
    BLUE = 2


class Context:
    """What a framework hands to a tool: another one with each call."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (((), {"order": "o"}), (("o", 1), {"note": None})),
        ((("o",), {"amount": 1}), (("o", 1.0), {})),
        ((("o", Decimal("1.50")), {}), (("o", 1.5), {})),
        ((("o", (1, [2])), {}), (("o", [1, (2,)]), {})),
        ((("o", {"a": 1, "b": 2}), {}), (("o", {"b": 2, "a": 1.0}), {})),
        ((("o", ID), {}), (("o", uuid.UUID(str(ID))), {})),
    ],
    ids=["defaults", "by name", "numbers", "lists", "dicts", "ids"],
)
def test_the_same_call(database: Database, one: Any, other: Any) -> None:
    """REQ 28, 7: however the arguments are written, equal ones are the same call."""
    assert pay(*one[0], **one[1]) == pay(*other[0], **other[1])
    assert effects() == ["o"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, "1"),
        (None, ""),
        ([1, 2], [2, 1]),
        (2**64, 2**64 + 1),
        ({"a": None}, {}),
        (date(2026, 1, 1), "2026-01-01"),
        (datetime(2026, 1, 1, 0, 0, 0, 1, UTC), datetime(2026, 1, 1, 0, 0, 0, 2, UTC)),
        (Colour.RED, Colour.BLUE),
        (b"a", "a"),
        ("\ud800", "\ud801"),
    ],
    ids=str,
)
def test_another_call(database: Database, one: Any, other: Any) -> None:
    """REQ 28, 7: what differs in value or in kind is refused under the key."""
    first = pay("o", one)
    with pytest.raises(KeyReused):
        pay("o", other)
    assert pay("o", one) == first


def test_deep_arguments(database: Database) -> None:
    """REQ 28, 7: three thousand levels are compared like any other."""

    def deep(leaf: int) -> Any:
        nested: Any = leaf
        for level in range(3000):
            nested = [nested] if level % 2 else {"a": nested}
        return nested

    pay("o", deep(1))
    pay("o", deep(1))
    with pytest.raises(KeyReused):
        pay("o", deep(2))


@pytest.mark.parametrize(
    "value", [Context(), [Context()], {"a": [{Context()}]}, {Context(): 1}, {1, 2}], ids=lambda _: "value"
)
def test_what_has_no_form(database: Database, value: Any) -> None:
    """REQ 28, 7: an object that no retry repeats is an error at once, never a refusal of the retry."""
    with pytest.raises(TypeError, match=r"The argument amount holds \w+, which has no form"):
        pay("o", value)
    assert effects() == []


def test_the_arguments_that_count(database: Database) -> None:
    """REQ 28, 7: with fingerprint_fields the others may be anything, and differ."""
    named = guarded(IdempotencyPolicy(fingerprint_fields=("order", "amount")))
    assert named("o", 1, note=Context()) == named("o", 1, note=Context())
    with pytest.raises(KeyReused):
        named("o", 2)


def test_a_policy_that_names_no_fields_any_more(database: Database) -> None:
    """REQ 28, 7: while a deployment rolls out, calls under the policy before and the one after refuse none other's."""
    narrow = guarded(IdempotencyPolicy(fingerprint_fields=("order",)))
    assert pay("o", 1) == narrow("o", 1)
    assert narrow("p", 1) == pay("p", 1)
    with pytest.raises(KeyReused):
        narrow("o", 2)


def test_a_model_instance_is_its_row(database: Database) -> None:
    """REQ 28, 7: also of a method's own instance: what it says of itself may change, which one it is does not."""

    class Account:
        @idempotent_function(key=lambda order: order)
        def refund(self: Any, order: str) -> int:
            return int(Effect.objects.create(label=order, amount=self.pk).pk)

    one, two = (Effect.objects.create(label="account") for _ in range(2))
    first = Account.refund(one, "o")
    one.label = "renamed"
    one.save()
    assert Account.refund(Effect.objects.get(pk=one.pk), "o") == first
    with pytest.raises(KeyReused):
        Account.refund(two, "o")
    with pytest.raises(TypeError, match="has not been saved"):
        Account.refund(Effect(), "o")


@pytest.mark.parametrize("call", [(), ("o", 1, 2)], ids=["too few", "too many"])
def test_arguments_that_it_does_not_take(database: Database, call: tuple[Any, ...]) -> None:
    """REQ 28: the error is the one that Python gives."""
    with pytest.raises(TypeError, match=r"argument"):
        pay(*call)


def test_many_arguments(database: Database) -> None:
    """REQ 28, 7: `*args` and `**kwargs` count, and the key may be made of them."""
    seen: list[Any] = []

    @idempotent_function(key=lambda rest, options: f"{rest[0]}-{options['n']}")
    def anything(*rest: int, **options: int) -> int:
        seen.append((rest, options))
        return len(seen)

    assert anything(1, n=2, m=3) == anything(1, m=3, n=2) == 1
    with pytest.raises(KeyReused):
        anything(1, 2, m=3, n=2)
    assert seen == [((1,), {"n": 2, "m": 3})]


def of_all(order: str, **others: Any) -> str:
    return f"{order}-{sorted(others)}"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (lambda amount, order: f"{order}-{amount}", "o-1"),
        (lambda order, prefix="p", *others: f"{prefix}-{order}", "p-o"),
        (lambda: "constant", "constant"),
        (of_all, "o-['amount', 'note']"),
    ],
    ids=["some", "with defaults", "none", "all"],
)
def test_a_key_of_some_arguments(database: Database, key: Any, expected: str) -> None:
    """REQ 28: a function of the key names the arguments that it wants, in any order, or takes all."""
    guarded(key=key)("o")
    assert record().key == expected


@pytest.mark.parametrize("option", ["key", "scope"])
def test_a_key_of_what_is_not_there(option: str) -> None:
    """REQ 28: a function that asks for an unknown argument is an error where it is written."""
    with pytest.raises(TypeError, match="It asks for ordre; the arguments are order, amount, note"):
        guarded(None, **{option: lambda ordre: ordre})


@pytest.mark.parametrize("option", ["key", "scope"])
def test_an_async_key(option: str) -> None:
    """REQ 28: nor can it be awaited."""

    async def of(order: str) -> str:
        return order

    with pytest.raises(TypeError, match="must not be async"):
        guarded(None, **{option: of})


def test_counted_arguments_that_are_not_there() -> None:
    """REQ 28: so is a policy that counts one."""
    with pytest.raises(PolicyError, match=r"fingerprint_fields holds \['ordre'\]"):
        guarded(IdempotencyPolicy(fingerprint_fields=("ordre",)))
