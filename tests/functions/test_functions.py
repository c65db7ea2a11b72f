"""A guarded function: once for each key, whoever asks and however often."""

from __future__ import annotations

import inspect
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from django_idempotency import IdempotencyPolicy, bind
from django_idempotency.exceptions import (
    InProgress,
    InvalidKey,
    KeyRequired,
    KeyReused,
    ResourceGone,
    ResponseUnavailable,
    ScopeRequired,
)
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.functions.desk import NAME, effects, guarded, pay, record, stored
from tests.rig import Database

CROWD = 8


def test_a_second_call_is_given_the_first_result(database: Database) -> None:
    """REQ 28, 3: the same key and arguments: one effect, and an equal result, of the same types."""
    first, second = pay("o-1", 5), pay("o-1", 5)
    assert first == second == {"id": Effect.objects.get().pk, "amounts": [1, 2.5]}
    assert first is not second


def test_another_key_is_another_call(database: Database) -> None:
    """REQ 28: what has another key runs."""
    assert pay("o-1")["id"] != pay("o-2")["id"]
    assert effects() == ["o-1", "o-2"]


def test_the_record_is_like_any_other(database: Database) -> None:
    """REQ 28: endpoint, scope, key, mode and lifetime are where operators look for them, and the result is JSON."""
    first = pay("o-1")
    one = record()
    assert (one.endpoint, one.scope, one.key) == (NAME, "system", "o-1")
    assert (one.mode, one.state, one.response_status) == ("atomic", "completed", 200)
    assert one.response_headers == '[["Content-Type","application/json"]]'
    assert stored(one) == first
    assert one.expires_at is not None


def test_other_arguments_under_the_key(database: Database) -> None:
    """REQ 28, 6: they are refused, nothing runs, and the stored result stays."""
    first = pay("o-1", 5)
    with pytest.raises(KeyReused):
        pay("o-1", 6)
    assert pay("o-1", 5) == first
    assert effects() == ["o-1"]


@pytest.mark.parametrize("raised", [RuntimeError("out of paper"), KeyError("x")])
def test_what_it_raises_frees_the_key(database: Database, raised: Exception) -> None:
    """REQ 28, 2: its own exception is passed on, what it wrote is undone, and the same key runs again."""
    fails = [raised]

    @idempotent_function(key=lambda order: order)
    def ship(order: str) -> int:
        Effect.objects.create(label=order)
        if fails:
            raise fails.pop()
        return 1

    with pytest.raises(type(raised)) as caught:
        ship("o-1")
    assert caught.value is raised
    assert (effects(), IdempotencyRecord.objects.count()) == ([], 0)
    assert ship("o-1") == 1
    assert effects() == ["o-1"]


def test_concurrent_duplicates_run_once(database: Database) -> None:
    """REQ 28, 1: eight at once: one effect, and one result for all of them."""
    patient = guarded(IdempotencyPolicy(in_flight_wait=30.0))
    barrier = Barrier(CROWD)

    def call(number: int) -> Any:
        try:
            barrier.wait(30)
            return patient("o-1")["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(CROWD) as pool:
        assert len(set(pool.map(call, range(CROWD)))) == 1
    assert effects() == ["o-1"]


# On SQLite a duplicate waits for the one writer.
@pytest.mark.databases("postgresql", "mariadb")
def test_a_duplicate_in_flight(database: Database) -> None:
    """REQ 28, 11: it is refused as in progress while the first runs, and given its result afterwards."""
    inside, go_on = Barrier(2), Barrier(2)

    @idempotent_function(key=lambda order: order)
    def slow(order: str) -> int:
        inside.wait(30)
        go_on.wait(30)
        return int(Effect.objects.create(label=order).pk)

    def first() -> int:
        try:
            return slow("o-1")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        inside.wait(30)
        try:
            with pytest.raises(InProgress):
                slow("o-1")
        finally:
            go_on.wait(30)
        assert running.result() == slow("o-1")
    assert effects() == ["o-1"]


def test_a_scope_of_the_arguments(database: Database) -> None:
    """REQ 28, 4: two callers may use the same key; each is given its own result, and nobody is refused."""

    @idempotent_function(key=lambda order: order, scope=lambda tenant: tenant and f"tenant:{tenant}")
    def order_for(tenant: str | None, order: str) -> int:
        return int(Effect.objects.create(label=f"{tenant} {order}").pk)

    assert order_for("a", "1") == order_for("a", order="1") != order_for("b", "1")
    assert effects() == ["a 1", "b 1"]
    assert set(IdempotencyRecord.objects.values_list("scope", flat=True)) == {"tenant:a", "tenant:b"}
    with pytest.raises(ScopeRequired):
        order_for(None, "1")


@pytest.mark.databases("sqlite")
def test_a_scope_that_is_no_text(database: Database) -> None:
    """REQ 28, 4: the error names the project's own function."""

    def tenant(order: str) -> int:
        return 1

    with pytest.raises(TypeError, match=r"The scope \S+tenant returned a int"):
        guarded(scope=tenant)("o-1")
    assert effects() == []


def test_a_scope_that_is_given(database: Database) -> None:
    """REQ 28, 4: a text is the scope of all calls."""
    guarded(scope="nightly")("o-1")
    assert record().scope == "nightly"


def test_a_call_without_a_key(database: Database) -> None:
    """REQ 28: it runs each time, unless the policy requires a key."""
    without: Any = {"key": lambda order: None}
    free = guarded(**without)
    assert free("o-1") != free("o-1")
    with pytest.raises(KeyRequired):
        guarded(IdempotencyPolicy(required=True), **without)("o-1")
    assert (effects(), IdempotencyRecord.objects.count()) == (["o-1", "o-1"], 0)


@pytest.mark.parametrize("key", ["", " ", "ключ", "a" * 256, "a\tb"])
def test_a_malformed_key(database: Database, key: str) -> None:
    """REQ 28, 9: it never means "run unguarded"."""
    with pytest.raises(InvalidKey):
        pay(key)
    assert effects() == []


@pytest.mark.parametrize("key", ["sku-1,sku-2", '"quoted"', 17, "0017"])
def test_a_key_is_taken_to_the_letter(database: Database, key: str | int) -> None:
    """REQ 28: commas and quotes are part of it; a number is its digits."""
    assert pay(key) == pay(key)
    assert record().key == str(key)


@pytest.mark.parametrize("key", [True, 1.5, b"k"])
def test_a_key_of_another_type(database: Database, key: object) -> None:
    """REQ 28: it is an error, before anything runs."""
    with pytest.raises(TypeError, match="A key is text"):
        guarded(key=lambda order: key)("o-1")
    assert effects() == []


def test_it_follows_what_it_made(database: Database) -> None:
    """REQ 28, 20: once the bound object is deleted, neither its result nor another object is given."""

    @idempotent_function(key=lambda order: order)
    def make(order: str) -> int:
        effect = Effect.objects.create(label=order)
        bind(effect)
        return int(effect.pk)

    assert make("o-1") == make("o-1")
    Effect.objects.all().delete()
    with pytest.raises(ResourceGone):
        make("o-1")
    assert effects() == []


def test_a_large_result(database: Database) -> None:
    """REQ 28, 22: the first caller is given it; the second is told that it was done, and it is not done again."""
    small = guarded(IdempotencyPolicy(max_body_size=5))
    assert small("o-1")["id"]
    with pytest.raises(ResponseUnavailable):
        small("o-1")
    assert effects() == ["o-1"]


def test_switched_off(database: Database) -> None:
    """REQ 28: without the guard each call runs, and is given a result of the same types."""
    with override_settings(IDEMPOTENCY={"ENABLED": False}):
        assert [pay("o-1")["amounts"] for _ in range(2)] == [[1, 2.5]] * 2
    assert (effects(), IdempotencyRecord.objects.count()) == (["o-1", "o-1"], 0)


def test_who_inspects_it_sees_the_function() -> None:
    """REQ 28: its name, its words and its parameters are those of the function, as tools for models read them."""
    assert (pay.__name__, pay.__doc__) == ("pay", "Leave one effect.")
    assert list(inspect.signature(pay).parameters) == ["order", "amount", "note"]
    assert inspect.getfullargspec(pay).args == ["order", "amount"]
