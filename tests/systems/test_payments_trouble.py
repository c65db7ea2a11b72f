"""Payments when the provider is away or silent, when the network is bad, and when nobody knows."""

from __future__ import annotations

from functools import partial

import httpx
import pytest

from tests.systems.conftest import Lives
from tests.systems.live import in_the_long_run
from tests.systems.payments import (
    TRANSFERS,
    Paying,
    Payment,
    assert_paid_once,
    both,
    refusal,
)

pytestmark = in_the_long_run

UNANSWERED = 504


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, _lives: Lives) -> Paying:
    """The demonstration, and the provider beside it."""
    return _lives.of(request.param, "payments", Paying)


def attempt(payment: Payment, fault: str | None = None) -> httpx.Response | None:
    """Send once; None when the connection breaks."""
    try:
        return payment.send(fault=fault)
    except httpx.TransportError:
        return None


# -- When the provider is away, or silent ----------------------------------------------------------


@both
def test_a_provider_that_cannot_be_reached(live: Paying, path: str) -> None:
    """PROTOCOL: "nothing happened": 503, and the key is free for a retry."""
    payment = Payment(live.acme, path)
    with live.no_provider():
        for _ in range(2):
            refused = payment.send()
            assert refusal(refused) == (503, "nothing_happened")
            assert refused.headers["Retry-After"] == "1"
    assert_paid_once(live, payment)


def test_a_lost_answer_is_found_out(live: Paying) -> None:
    """PROTOCOL: "the policy's `reconcile` finds out": charged, and nobody told; the retry has the charge's answer."""
    payment = Payment(live.acme, amount=UNANSWERED)
    assert refusal(payment.send()) == (502, "provider_silent")
    assert (payment.charged(live.provider.url), payment.rows()) == ((1, 1), 0)
    found = payment.send()
    assert found.headers["Idempotent-Replayed"] == "true"
    ordinary = Payment(live.acme).send()
    assert set(found.json()) == set(ordinary.json())
    assert found.headers["Content-Type"] == ordinary.headers["Content-Type"]
    assert live.acme.get(found.headers["Location"]) == found.json()
    assert_paid_once(live, payment)


def test_nobody_can_tell_yet(live: Paying) -> None:
    """PROTOCOL: "still unknown" is refused for now; a provider that was restarted still knows."""
    payment = Payment(live.acme, amount=UNANSWERED)
    payment.send()
    with live.no_provider():
        refused = payment.send()
        assert refusal(refused) == (409, "outcome_unknown")
        assert refused.headers["Retry-After"] == "1"
    assert_paid_once(live, payment)


# -- Faults ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "charged", "rows"),
    [
        ("fail-before", 503, 0, 0),
        ("fail-after", 500, 1, 0),
        ("drop", None, 1, 1),
        ("kill", None, 1, 0),
        ("slow=0.2", 201, 1, 1),
    ],
)
def test_a_plain_retry_ends_with_one_charge(
    live: Paying, fault: str, status: int | None, charged: int, rows: int
) -> None:
    """SYSTEMS: "After any of them a plain retry with the same key ends with exactly one effect."."""
    payment = Payment(live.acme)
    first = attempt(payment, fault)
    assert (first and first.status_code) == status
    assert (payment.charged(live.provider.url)[0], payment.rows()) == (charged, rows)
    assert_paid_once(live, payment)


# -- Transfers, which wait for an operator ---------------------------------------------------------


def test_an_operator_resolves_a_transfer(live: Paying) -> None:
    """PROTOCOL: "refused until somebody resolves it": and then it is answered."""
    paid = Payment(live.acme, TRANSFERS, amount=UNANSWERED)
    assert refusal(paid.send()) == (502, "provider_silent")
    for _ in range(2):
        refused = paid.send()
        assert refusal(refused) == (409, "outcome_unknown")
        assert (refused.headers["X-Should-Retry"], "Retry-After" in refused.headers) == ("false", False)
    assert paid.charged(live.provider.url) == (1, 1)
    resolve = partial(live.manage, "resolve_transfers", "--who", "ops@example.com")
    with live.no_provider():
        assert resolve().count("the provider does not answer") == 1
        assert refusal(paid.send()) == (409, "outcome_unknown")
    assert resolve().count(": completed") == 1
    assert resolve() == ""
    assert_paid_once(live, paid)
