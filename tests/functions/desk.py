"""Guarded functions, and what the tests ask about what they left."""

from __future__ import annotations

import json
from typing import Any

from django_idempotency import IdempotencyPolicy
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect

NAME = "tests.functions.desk.pay"


@idempotent_function(key=lambda order: order)
def pay(order: str | int, amount: Any = 1, *, note: Any = None) -> dict[str, Any]:
    """Leave one effect."""
    effect = Effect.objects.create(label=str(order))
    return {"id": effect.pk, "amounts": (1, 2.5)}


def guarded(policy: IdempotencyPolicy | None = None, **options: Any) -> Any:
    """The same function, under other rules."""
    options.setdefault("key", lambda order: order)
    return idempotent_function(policy, **options)(pay.__wrapped__)  # type: ignore[attr-defined]


def effects() -> list[str]:
    return sorted(Effect.objects.values_list("label", flat=True))


def record() -> IdempotencyRecord:
    return IdempotencyRecord.objects.get()


def stored(one: IdempotencyRecord) -> Any:
    """The result in a record."""
    assert one.response_body is not None
    return json.loads(bytes(one.response_body))
