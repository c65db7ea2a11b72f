"""The shapes of a claim that are compared: each of them is a guard."""

from __future__ import annotations

import pytest
from rest_framework.test import APIRequestFactory

from benchmarks.variants import SHAPES, guarded_view, shaped
from tests.app.models import Effect
from tests.rig import Database


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_carries_a_key_out_once(database: Database, name: str) -> None:
    """Else its price is that of something else."""
    view, factory = guarded_view(), APIRequestFactory()
    with shaped(name):
        first, again = (
            view(factory.post("/insert/", {"amount": 1}, format="json", headers={"Idempotency-Key": "a"}))
            for _ in range(2)
        )
    assert (first.status_code, again.status_code, again.data) == (201, 201, first.data)
    assert Effect.objects.count() == 1
