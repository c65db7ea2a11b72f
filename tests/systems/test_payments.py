"""Payments: what a client is promised, and what the provider says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from tests.conftest import FOUND
from tests.systems.conftest import database_url
from tests.systems.live import assert_replay, at_once, new_key
from tests.systems.payments import CHARGES, TRANSFERS, Paying, Payment, ask, charges, refusal

both = pytest.mark.parametrize("path", [CHARGES, TRANSFERS])
DECLINED, UNANSWERED = 402, 504


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Paying]:
    """The demonstration, and the provider beside it."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        found = request.config.stash[FOUND]
        url = stack.enter_context(database_url(found, request.param, request.module.__name__, folder))
        yield stack.enter_context(Paying(url, folder))


def attempt(payment: Payment, fault: str | None = None) -> httpx.Response | None:
    """Send once; None when the connection breaks."""
    try:
        return payment.send(fault=fault)
    except httpx.TransportError:
        return None


def assert_paid_once(live: Paying, payment: Payment, *, requests: int = 1) -> httpx.Response:
    """Hold a payment to one charge, one row and one answer."""
    answer = payment.settle()
    assert answer.status_code == 201, answer.text
    again = payment.send()
    assert (again.status_code, again.content) == (201, answer.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert payment.charged(live.provider.url) == (1, requests)
    assert payment.rows() == 1
    return answer


# -- When all goes well ----------------------------------------------------------------------------


@both
def test_a_payment(live: Paying, path: str) -> None:
    """REQ 1, 2, 3: it is charged, written down and answered once; the answer names what the provider has made."""
    payment = Payment(live.acme, path)
    first = payment.send()
    assert first.status_code == 201
    shown = first.json()
    assert shown.items() >= {**payment.body, "status": "succeeded"}.items()
    assert first.headers["Location"] == f"{path}/{shown['id']}"
    assert live.acme.get(first.headers["Location"]) == shown
    assert live.globex.send("GET", first.headers["Location"]).status_code == 404
    assert_replay(payment.send(), first)
    assert_paid_once(live, payment)
    [charge] = [
        row for row in charges(live.provider.url) if row["description"] == payment.body["description"]
    ]
    assert (charge["id"], charge["account"]) == (shown["provider_charge"], "acme")


def test_the_providers_key_is_not_the_clients(live: Paying) -> None:
    """PROTOCOL: "a deterministic downstream key (derived from scope, endpoint, key)": nobody else can meet it."""
    payments = [Payment(live.acme), Payment(live.globex), Payment(live.acme, TRANSFERS)]
    for payment in payments:
        payment.key, payment.body = payments[0].key, payments[0].body
        assert payment.send().status_code == 201
    keys = {
        row["key"]
        for row in charges(live.provider.url)
        if row["description"] == payments[0].body["description"]
    }
    assert len(keys) == 3
    assert {len(key) for key in keys} == {36}
    assert payments[0].key not in keys


@both
def test_duplicates_at_once(live: Paying, path: str) -> None:
    """REQ 11: of five at the same moment one charges, and all have its answer."""
    payment = Payment(live.acme, path)
    answers = at_once([payment.settle] * 5)
    assert {answer.content for answer in answers} == {payment.send().content}
    assert_paid_once(live, payment)


# -- Refusals --------------------------------------------------------------------------------------


@both
def test_no_key(live: Paying, path: str) -> None:
    """A payment needs a key, and without one nothing is charged."""
    payment = Payment(live.acme, path)
    assert refusal(live.acme.send("POST", path, payment.body)) == (400, "idempotency_key_required")
    assert payment.charged(live.provider.url) == (0, 0)


@both
def test_another_body(live: Paying, path: str) -> None:
    """REQ 6: a used key is refused for another amount, and stands for the first one."""
    payment = Payment(live.acme, path)
    payment.send()
    assert refusal(payment.send({**payment.body, "amount": 1})) == (409, "idempotency_conflict")
    assert_paid_once(live, payment)


@both
@pytest.mark.parametrize(
    "wrong", [{"amount": 0}, {"amount": "much"}, {"currency": "euro"}, {"description": ""}], ids=str
)
def test_what_is_invalid_frees_the_key(live: Paying, path: str, wrong: dict[str, object]) -> None:
    """REQ 10: what is refused before the provider is called may be corrected."""
    payment = Payment(live.acme, path)
    assert refusal(payment.send({**payment.body, **wrong})) == (400, "validation_failed")
    assert_paid_once(live, payment)


@both
def test_a_declined_payment_is_final(live: Paying, path: str) -> None:
    """REQ 10: a stored error is the answer for good, and the provider is not asked again."""
    payment = Payment(live.acme, path, amount=DECLINED)
    first = payment.send()
    assert refusal(first) == (402, "card_declined")
    assert_replay(payment.send(), first)
    assert (payment.rows(), payment.charged(live.provider.url)) == (0, (0, 0))


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


# -- Around it -------------------------------------------------------------------------------------


def test_no_check_warns(live: Paying) -> None:
    """The leases of the demonstration are longer than its requests are said to take."""
    assert "no issues" in live.manage("check", "--fail-level", "WARNING")


def test_the_provider_tells_how_often(live: Paying) -> None:
    """What the demo counts is the provider's own number, of one organization."""
    shown = live.acme.get("/payments/v1/provider")
    assert shown == {"count": ask(live.provider.url, "/charges?account=acme")["count"]}


@pytest.mark.databases("sqlite")
def test_the_provider_has_keys_of_its_own(live: Paying) -> None:
    """The provider charges once for each key, and for each request without one."""
    order = {"account": "nobody", "amount": 100, "currency": "EUR", "description": new_key()}

    def post(key: str | None, **changed: int) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        url = f"{live.provider.url}/charges"
        return httpx.post(url, json={**order, **changed}, headers=headers, trust_env=False)

    key = new_key()
    first = post(key)
    with live.no_provider():
        pass
    assert [post(key).content, post(key).content] == [first.content] * 2
    assert post(key, amount=200).status_code == 409
    known = ask(live.provider.url, f"/charges/{key}")
    assert (known["requests"], known["charges"]) == (4, 1)
    assert post(None).json()["id"] != post(None).json()["id"]
    assert ask(live.provider.url, "/charges?account=nobody")["count"] == 3
