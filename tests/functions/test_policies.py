"""What a policy means for a function, and what it cannot."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse

from django_idempotency import (
    IETF,
    BodyField,
    IdempotencyPolicy,
    KeySyntax,
    Mismatch,
    Mode,
    PolicyError,
    scopes,
)
from django_idempotency.exceptions import KeyReused
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from tests.functions.desk import effects, guarded, pay, record
from tests.rig import Database


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (IETF, "stored_errors are statuses"),
        (IdempotencyPolicy(on_mismatch=Mismatch.VALIDATE), "on_mismatch=VALIDATE is for views"),
        (
            IdempotencyPolicy(mode=Mode.LEASED, pointer=lambda request, record: HttpResponse()),
            "pointer is for views",
        ),
        (IdempotencyPolicy(scope=scopes.everyone), "scope is a function of a request"),
    ],
)
def test_what_is_for_views_is_refused(policy: IdempotencyPolicy, said: str) -> None:
    """REQ 28: a rule that a function cannot keep is an error where the function is written."""
    with pytest.raises(PolicyError, match=said):
        guarded(policy)


@pytest.mark.parametrize("first", [pay, "POLICY", 1])
def test_what_is_no_policy(first: Any) -> None:
    """REQ 28: nor is anything else taken for one."""
    with pytest.raises(TypeError, match="takes an IdempotencyPolicy"):
        idempotent_function(first, key=lambda order: order)(pay)


@pytest.mark.databases("sqlite")
def test_what_is_of_http_is_not_looked_at(database: Database) -> None:
    """REQ 28: one policy may serve views and functions: methods, sources of keys and headers mean nothing here."""
    policy = IdempotencyPolicy(
        methods=("PUT",),
        keys=(BodyField("order_id"),),
        syntax=KeySyntax.STRICT,
        scope=scopes.everyone,
        expires_header=None,
    )
    own = guarded(policy, scope="nightly")
    assert own("o") == own("o")
    assert (record().scope, record().key) == ("nightly", "o")


@pytest.mark.databases("sqlite")
def test_endpoints(database: Database) -> None:
    """REQ 28: a key is a function's own, by its name; by the policy's, where that outlives a renamed function."""
    named = IdempotencyPolicy(endpoint="orders.pay")

    @idempotent_function(named, key=lambda order: order)
    def renamed(order: str, amount: int = 1, *, note: Any = None) -> None:
        raise AssertionError

    pay("o")
    assert guarded(named)("o") == renamed("o")
    names = IdempotencyRecord.objects.values_list("endpoint", flat=True)
    assert sorted(names) == ["orders.pay", "tests.functions.desk.pay"]
    assert effects() == ["o", "o"]


@pytest.mark.databases("sqlite")
def test_a_long_name(database: Database) -> None:
    """REQ 28: one that is too long for its column keeps functions apart all the same."""

    def made(last: str) -> Any:
        def work(order: str) -> str:
            return last

        work.__qualname__ = "x" * 300 + last
        return idempotent_function(key=lambda order: order)(work)

    assert (made("a")("o"), made("b")("o"), made("a")("o")) == ("a", "b", "a")
    assert {len(name) for name in IdempotencyRecord.objects.values_list("endpoint", flat=True)} == {255}


@pytest.mark.databases("sqlite")
def test_one_key_for_all_functions(database: Database) -> None:
    """REQ 28, 6: with endpoint_in_key=False another function under the key is another target."""
    shared = IdempotencyPolicy(endpoint_in_key=False)

    @idempotent_function(shared, key=lambda order: order)
    def ship(order: str, amount: int = 1, *, note: Any = None) -> str:
        return "shipped"

    guarded(shared)("o")
    with pytest.raises(KeyReused):
        ship("o")


def test_a_late_call(database: Database) -> None:
    """REQ 28, 19: after its lifetime a key is free."""
    short = guarded(IdempotencyPolicy(lifetime=timedelta(hours=1)))
    first = short("o")
    IdempotencyRecord.objects.update(expires_at=record().created_at - timedelta(hours=1))
    assert short("o") != first


def test_the_first_result_whatever_is_said(database: Database) -> None:
    """REQ 28: with on_mismatch=REPLAY the key alone counts."""
    loose = guarded(IdempotencyPolicy(on_mismatch=Mismatch.REPLAY))
    assert loose("o", 1) == loose("o", 2)
