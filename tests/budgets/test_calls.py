"""How many functions a guarded request calls: what it costs in the process, as a number that does not drift."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from django.test import Client

import django_idempotency
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.budgets.views")

PACKAGE = str(Path(django_idempotency.__file__).parent)
# Functions of the package, and those that they call themselves, of a request to a guarded DRF view. A release of Django
# or of a driver does not move them.
FRESH = {"postgresql": 0, "mariadb": 0, "sqlite": 0}
REPLAY = {"postgresql": 0, "mariadb": 0, "sqlite": 0}
# Python's versions differ a little: a comprehension is a function in some.
MARGIN = 1.05


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count calls by who makes them: by the package, or by anybody."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls["all"] += 1
            calls["package"] += frame.f_code.co_filename.startswith(PACKAGE)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def calls_of(key: str, whose: str = "package", url: str = "/mixin/") -> int:
    client = Client()
    with counting() as calls:
        response = client.post(url, {"amount": 1}, "application/json", headers={"Idempotency-Key": key})
    assert response.status_code == 201
    return calls[whose]


@pytest.fixture(autouse=True)
def warm(database: Database) -> None:
    """What is done once by each process is not a request's."""
    for url in ("/mixin/", "/bare/"):
        calls_of("warm", url=url)
        calls_of("warm", url=url)


@pytest.mark.parametrize(
    ("budgets", "keys"), [(FRESH, ("a", "b")), (REPLAY, ("warm", "warm"))], ids=["fresh", "replay"]
)
def test_a_request_calls_no_more_functions_than_it_did(
    database: Database, budgets: dict[str, int], keys: tuple[str, str]
) -> None:
    """REQ 28: a regression of the hot path is seen without a clock."""
    first, second = map(calls_of, keys)
    assert first == second
    budget = budgets[database.name]
    assert first <= budget * MARGIN
    assert first >= budget / MARGIN, "it has become cheaper: let the budget say so"
