"""How many functions a guarded request calls: what it costs in the process, as a number that does not drift."""

from __future__ import annotations

import gc
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
from django_idempotency.signals import request_answered
from tests.rig import Database

pytestmark = pytest.mark.urls("tests.budgets.views")

PACKAGE = str(Path(django_idempotency.__file__).parent)
# Functions of the package, and those that they call themselves, for a request of a guarded DRF view.
FRESH = {"postgresql": 185, "mariadb": 169, "sqlite": 169}
# On PostgreSQL the direct cursor's are among them, which spare many of the driver's: see below.
REPLAY = {"postgresql": 105, "mariadb": 98, "sqlite": 98}
# Python's versions differ a little: a comprehension is a function in some.
MARGIN = 1.05
# All functions, beyond those of the same view in atomic(). What Django and the drivers do for a statement is most of it.
MORE_FRESH = {"postgresql": 380, "mariadb": 1596, "sqlite": 479}
# Fewer than the view's, where no driver is written in Python.
MORE_REPLAY = {"postgresql": -284, "mariadb": 560, "sqlite": -177}
# Their releases differ more.
MARGIN_OF_ALL = 80


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count calls by who makes them: by the package, or by anybody."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event in ("call", "c_call"):
            calls["all"] += 1
            calls["package"] += frame.f_code.co_filename.startswith(PACKAGE)

    before = sys.getprofile()
    # A generator that an earlier test has left in a cycle is closed, by a call, whenever the collector comes along.
    gc.disable()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)
        gc.enable()


def calls_of(key: str, whose: str = "package", url: str = "/mixin/") -> int:
    client = Client()
    with counting() as calls:
        response = client.post(url, {"amount": 1}, "application/json", headers={"Idempotency-Key": key})
    assert response.status_code == 201
    return calls[whose]


@pytest.fixture(autouse=True)
def warm(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done once by each process is not a request's; nor is what others hear of it."""
    monkeypatch.setattr(request_answered, "receivers", [])
    for _ in range(2):
        for url in ("/mixin/", "/bare-drf/"):
            calls_of("warm", url=url)


KINDS = pytest.mark.parametrize(
    ("budgets", "more", "keys"),
    [(FRESH, MORE_FRESH, ("a", "b")), (REPLAY, MORE_REPLAY, ("warm", "warm"))],
    ids=["fresh", "replay"],
)


@KINDS
def test_the_package_calls_no_more_functions_than_it_did(
    database: Database, budgets: dict[str, int], more: dict[str, int], keys: tuple[str, str]
) -> None:
    """REQ 2, REQ 3: a regression of the hot path is seen without a clock."""
    first, second = map(calls_of, keys)
    assert first == second
    assert first <= budgets[database.name] * MARGIN


@KINDS
def test_nor_does_it_let_others_call_more(
    database: Database, budgets: dict[str, int], more: dict[str, int], keys: tuple[str, str]
) -> None:
    """REQ 2, REQ 3: nor is the work handed to Django, DRF or the driver."""
    beyond = calls_of(keys[0], "all") - calls_of("warm", "all", "/bare-drf/")
    assert beyond <= more[database.name] + MARGIN_OF_ALL, f"{beyond}"
