"""Functions that call the outside world: what each end leaves behind, and how it is resolved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse, JsonResponse

from django_idempotency import (
    Finding,
    IdempotencyPolicy,
    Mode,
    NothingHappened,
    Unknown,
    downstream_key,
    extend,
    harmless,
)
from django_idempotency.exceptions import OutcomeUnknown, ResponseUnavailable
from django_idempotency.functions import idempotent_function
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete, release
from tests.app.models import Effect
from tests.functions.desk import effects, record
from tests.leased.desk import abandoned
from tests.rig import Database

LEASED = IdempotencyPolicy(mode=Mode.LEASED)
OUTSIDE: list[str] = []
FINDINGS: list[HttpResponse | Finding] = []
WHO: Any = {"who": "ops", "why": "The bank says so."}


def reconcile(found: IdempotencyRecord) -> HttpResponse | Finding:
    return FINDINGS.pop()


def charging(policy: IdempotencyPolicy = LEASED) -> Any:
    @idempotent_function(policy.but(endpoint="charge"), key=lambda order: order)
    def charge(order: str, end: str = "paid") -> Any:
        """Charge outside, and end as it is told to."""
        if end == "nothing":
            raise NothingHappened
        if end == "harmless":
            with harmless():
                raise LookupError
        Effect.objects.create(label=order)
        OUTSIDE.append(downstream_key())
        extend()
        if end == "raises":
            raise LookupError
        return object() if end == "no JSON" else len(OUTSIDE)

    return charge


@pytest.fixture(autouse=True)
def _nothing_outside() -> Iterator[None]:
    OUTSIDE.clear()
    FINDINGS.clear()
    yield
    assert FINDINGS == []


def unknown(charge: Any = None) -> IdempotencyRecord:
    """What a worker leaves that was lost after it had charged."""
    (charge or charging())("key-1")
    abandoned()
    return record()


def test_it_runs_once(database: Database) -> None:
    """REQ 28, 1: the result is stored with its effects, and the record says which mode it was."""
    charge = charging()
    assert charge("key-1") == charge("key-1") == 1
    assert (record().mode, record().state, record().response_status) == ("leased", "completed", 200)
    assert (effects(), OUTSIDE) == (["key-1"], [record().downstream_key()])


@pytest.mark.parametrize(("end", "raised"), [("raises", LookupError), ("no JSON", TypeError)])
def test_an_end_in_the_middle(database: Database, end: str, raised: type[Exception]) -> None:
    """REQ 28, 8: nobody knows what was done outside: nothing runs again by itself."""
    charge = charging()
    with pytest.raises(raised):
        charge("key-1", end)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            charge("key-1", end)
    assert (effects(), len(OUTSIDE), record().state) == ([], 1, "unknown")


@pytest.mark.parametrize(("end", "raised"), [("nothing", NothingHappened), ("harmless", LookupError)])
def test_an_end_before_anything_was_done(database: Database, end: str, raised: type[Exception]) -> None:
    """REQ 28, 8: the function says so, and the key is free."""
    with pytest.raises(raised):
        charging()("key-1", end)
    assert charging()("key-1") == 1


def test_run_it_again(database: Database) -> None:
    """REQ 28: with Unknown.RETRY the next call runs, and the service outside knows it by the same key."""
    charge = charging(LEASED.but(on_unknown=Unknown.RETRY))
    unknown(charge)
    assert charge("key-1") == 2
    assert len(set(OUTSIDE)) == 1


def test_find_out(database: Database) -> None:
    """REQ 28: with Unknown.RECONCILE the hook gives the result, as the response that it would be, or a finding."""
    charge = charging(LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=reconcile))
    unknown(charge)
    FINDINGS.append(Finding.STILL_UNKNOWN)
    with pytest.raises(OutcomeUnknown):
        charge("key-1")
    FINDINGS.append(JsonResponse([7], safe=False))
    assert charge("key-1") == charge("key-1") == [7]
    assert len(OUTSIDE) == 1


def test_it_was_not_done(database: Database) -> None:
    """REQ 28: then it runs."""
    charge = charging(LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=reconcile))
    unknown(charge)
    FINDINGS.append(Finding.NOT_DONE)
    assert charge("key-1") == charge("key-1") == 2


@pytest.mark.parametrize(
    ("response", "result"),
    [(JsonResponse({"charge": 1}), {"charge": 1}), (HttpResponse(status=204), None)],
    ids=["JSON", "empty"],
)
def test_resolved_by_hand(database: Database, response: HttpResponse, result: Any) -> None:
    """REQ 28: what an operator says was done is the result of the key from now on."""
    complete(unknown(), response, **WHO)
    assert charging()("key-1") == result
    assert len(OUTSIDE) == 1


@pytest.mark.parametrize(
    "response", [HttpResponse("<p>paid</p>"), JsonResponse({}, status=402)], ids=["no JSON", "refused"]
)
def test_resolved_with_what_is_no_result(database: Database, response: HttpResponse) -> None:
    """REQ 28: it is refused as a result that is not there, and nothing runs."""
    complete(unknown(), response, **WHO)
    with pytest.raises(ResponseUnavailable, match="which is no result"):
        charging()("key-1")
    assert len(OUTSIDE) == 1


def test_released_by_hand(database: Database) -> None:
    """REQ 28: the key is free, and the next call runs."""
    release(unknown(), **WHO)
    assert charging()("key-1") == 2
