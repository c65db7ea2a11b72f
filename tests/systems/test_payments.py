"""Payments: what a client is promised, and what the provider says of it."""

from __future__ import annotations

import httpx
import pytest

from tests.servers import http_client
from tests.systems.conftest import Lives
from tests.systems.live import assert_replay, at_once, in_the_long_run, new_key
from tests.systems.payments import (
    SHORT,
    TRANSFERS,
    Paying,
    Payment,
    ask,
    assert_paid_once,
    both,
    charges,
    refusal,
)

DECLINED = 402


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, _lives: Lives) -> Paying:
    """The demonstration, and the provider beside it."""
    return _lives.of(request.param, "payments", Paying)


# -- When all goes well ----------------------------------------------------------------------------


@in_the_long_run
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


@in_the_long_run
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


# -- Around it -------------------------------------------------------------------------------------


def test_no_check_warns(live: Paying, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leases of the demonstration are longer than its requests may take, and those longer than duplicates wait."""
    for name in SHORT:
        monkeypatch.delitem(live.environment, name)
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
        with http_client(live.provider.url) as http:
            return http.post("/charges", json={**order, **changed}, headers=headers)

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
