"""What a guarded function returns: JSON, the same for the first caller and for the next."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.functions.desk import effects, stored
from tests.rig import Database


def returning(value: Any) -> Any:
    @idempotent_function(key=lambda order: order)
    def work(order: str) -> Any:
        Effect.objects.create(label=order)
        return value

    return work


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "value",
    [None, True, 0, 2**70, 0.1, "", "ключ \ud800 \0", [], {}, [1, {"a": [None]}], {"a": 1.0, "ä": -0.0}],
    ids=repr,
)
def test_json_is_returned_as_it_is(database: Database, value: Any) -> None:
    """REQ 28, 3: to the first caller and to the next, and None is a result like any other."""
    work = returning(value)
    results = [work("o"), work("o")]
    assert results == [value, value]
    assert [type(each) for each in results] == [type(value)] * 2
    assert (effects(), stored(IdempotencyRecord.objects.get())) == (["o"], value)


@pytest.mark.databases("sqlite")
def test_what_json_makes_of_it(database: Database) -> None:
    """REQ 28, 3: where JSON has other types than Python, both callers are given JSON's."""
    work = returning({1: (1, 2)})
    assert work("o") == work("o") == {"1": [1, 2]}


@pytest.mark.parametrize(
    "value", [int, {1}, b"", Decimal(1), date(2026, 1, 1), math.nan, math.inf, [date(2026, 1, 1)]], ids=repr
)
def test_what_is_no_json(database: Database, value: Any) -> None:
    """REQ 28: it is an error at once: what was written is undone, and the key is free."""
    with pytest.raises(TypeError, match="What a guarded function returns must be JSON"):
        returning(value)("o")
    assert (effects(), IdempotencyRecord.objects.count()) == ([], 0)
    assert returning(1)("o") == 1


@pytest.mark.databases("sqlite")
def test_results_are_encrypted(database: Database) -> None:
    """REQ 28, 23: as responses are, where the settings say so."""
    from cryptography.fernet import Fernet

    with override_settings(IDEMPOTENCY={"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}):
        work = returning({"card": "4242"})
        assert work("o") == work("o") == {"card": "4242"}
    body = IdempotencyRecord.objects.get().response_body
    assert body is not None
    assert b"4242" not in bytes(body)
