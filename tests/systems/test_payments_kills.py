"""Under kill -9 at every point the provider charges at most once per key, and each key ends completed or resolved."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import dj_database_url
import httpx
import pytest
from django.db.utils import ConnectionHandler

from tests.conftest import FOUND
from tests.guarantee.gate import Gate
from tests.systems.conftest import database_url
from tests.systems.live import PATIENCE, Live, at_once, in_the_long_run
from tests.systems.payments import CHARGES, SHORT, TRANSFERS, Payment, refusal
from tests.systems.payments_halts import AFTER_THE_ANSWER, BEFORE_THE_CALL, POINTS
from tests.systems.payments_provider import HeldProvider, Hold, held_provider

pytestmark = in_the_long_run

# The provider has the request, and has not charged yet, or has charged.
SENT = "after the call was sent"
CHARGED = "after the provider has charged"
ALL = (*POINTS, SENT, CHARGED)
# No claim is left by these: nothing was committed, or everything.
OPEN = {"before the claim", "after the claim, before its commit"}
CLOSED = {"after the store's commit"}
# Where the provider has never been asked.
UNASKED = {*OPEN, "after the claim's commit", BEFORE_THE_CALL}
ASKED = set(ALL) - UNASKED
DECLINED = 402


class Killing(Live):
    """The demonstration, whose payments can be stopped anywhere, and the provider that it calls."""

    def __init__(self, database_url: str, folder: Path, provider: HeldProvider) -> None:
        super().__init__(database_url, folder)
        self.provider = provider
        self.environment |= SHORT | {
            "PAYMENT_PROVIDER_URL": provider.url,
            # Nobody gives a held provider up.
            "PAYMENT_PROVIDER_TIMEOUT": str(PATIENCE),
            "DJANGO_SETTINGS_MODULE": "tests.systems.payments_settings",
        }

    def records(self) -> dict[str, str]:
        """The state of each record by its key."""
        return dict(self.rows("SELECT idempotency_key, state FROM idempotency_record"))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the server's database answers, as text."""
        settings = {**dj_database_url.parse(self.environment["DATABASE_URL"])}
        wrapper = ConnectionHandler({"default": settings})["default"]
        with closing(wrapper.get_new_connection(wrapper.get_connection_params())) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            # MariaDB keeps keys as bytes.
            return [
                tuple(v.decode() if isinstance(v, bytes) else v for v in row) for row in cursor.fetchall()
            ]

    def kill(self, point: str, path: str, **kwargs: Any) -> tuple[Payment, Hold | None]:
        """Send a payment whose worker is killed at that point, so that it gets no answer."""
        # A client of its own: a connection that is kept may be one to the worker that was killed before.
        payment = Payment(self.caller("acme-key-1"), path, about=point, **kwargs)
        hold = None
        if point in (SENT, CHARGED):
            hold = self.provider.hold(payment.body["description"], charged=point == CHARGED)
        halt = {"X-Halt": BEFORE_THE_CALL if hold else point}
        with ThreadPoolExecutor(1) as pool, Gate() as gate:
            lost = pool.submit(payment.send, headers={**gate.headers, **halt})
            try:
                arrival = gate.arrival()
            except TimeoutError:
                pytest.fail(f"nothing stopped {point}: {lost.exception() or lost.result().text}")
            if hold is not None:
                arrival.let_go()
                assert hold.arrived.wait(PATIENCE)
            os.kill(arrival.pid, signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                lost.result()
        return payment, hold

    def charged(self, payments: dict[str, Payment]) -> dict[str, tuple[int, int]]:
        """For each point: charges, and the requests that they took."""
        return {point: payment.charged(self.provider.url) for point, payment in payments.items()}


@pytest.fixture(scope="module")
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killing]:
    """Both, the provider first."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        found = request.config.stash[FOUND]
        url = stack.enter_context(database_url(found, request.param, "kills", folder))
        provider = stack.enter_context(held_provider(folder))
        yield stack.enter_context(Killing(url, folder, provider))


def finish(holds: list[Hold]) -> None:
    """Let the provider get on with what it was held at, for clients that are dead."""
    for hold in holds:
        hold.go.set()
        assert hold.done.wait(PATIENCE)


def settle(payments: dict[str, Payment]) -> dict[str, httpx.Response]:
    """Let all clients send again until they have an answer, all at once."""
    return dict(zip(payments, at_once([payment.settle for payment in payments.values()]), strict=True))


def assert_paid_once(
    live: Killing, payments: dict[str, Payment], answers: dict[str, httpx.Response], requests: dict[str, int]
) -> None:
    """Hold each payment to one charge, one row, and one answer for good."""
    assert {point: answer.status_code for point, answer in answers.items()} == dict.fromkeys(payments, 201)
    assert live.charged(payments) == {point: (1, requests[point]) for point in payments}
    assert {point: payment.rows() for point, payment in payments.items()} == dict.fromkeys(payments, 1)
    for point, payment in payments.items():
        again = payment.send()
        assert (again.status_code, again.content) == (201, answers[point].content), point
        assert again.headers["Idempotent-Replayed"] == "true", point
    states = live.records()
    assert {states[payment.key] for payment in payments.values()} == {"completed"}


def test_killed_anywhere_a_charge_is_made_once(live: Killing) -> None:
    """REQ 8: whatever the worker was at, the retry ends with one charge, one row and one answer: it is found out."""
    killed = {point: live.kill(point, CHARGES) for point in ALL}
    payments = {point: payment for point, (payment, _) in killed.items()}
    before = live.charged(payments)
    assert {point for point, (charges, _) in before.items() if charges} == ASKED - {SENT}

    answers = settle(payments)
    # The request of a dead worker reaches the till after the retry's, and is the same charge.
    finish([hold for _, hold in killed.values() if hold])

    # Where the provider knows of the charge it is not asked for another one.
    assert_paid_once(live, payments, answers, {point: 2 if point == SENT else 1 for point in ALL})
    # Whose worker died before it could say anything is served as new; all else is told from the record.
    new = {point for point, answer in answers.items() if "Idempotent-Replayed" not in answer.headers}
    assert new == UNASKED | {SENT}


def test_killed_after_a_refusal(live: Killing) -> None:
    """REQ 10: a refusal that only the dead worker had heard of is found out like a charge."""
    payment, _ = live.kill(AFTER_THE_ANSWER, CHARGES, amount=DECLINED)
    found = payment.settle()
    usual = Payment(live.acme, amount=DECLINED).send()
    assert refusal(found) == (402, "card_declined")
    assert (found.content, found.headers["Content-Type"]) == (usual.content, usual.headers["Content-Type"])
    assert payment.send().content == found.content
    assert (payment.rows(), payment.charged(live.provider.url)) == (0, (0, 0))


def test_killed_twice(live: Killing) -> None:
    """REQ 8: who finds out may be killed as well, and the next one finds out."""
    payment, _ = live.kill(AFTER_THE_ANSWER, CHARGES)
    for point in ("after the row", "after the store, before its commit"):
        with ThreadPoolExecutor(1) as pool, Gate() as gate:
            lost = pool.submit(payment.settle_with, {**gate.headers, "X-Halt": point})
            os.kill(gate.arrival().pid, signal.SIGKILL)
            with pytest.raises(httpx.TransportError):
                lost.result()
    assert_paid_once(live, {"twice": payment}, {"twice": payment.settle()}, {"twice": 1})


def test_killed_anywhere_a_transfer_is_resolved(live: Killing) -> None:
    """REQ 8: with on_unknown=FAIL it is asked for at most once, and then by whoever resolves it."""
    killed = {point: live.kill(point, TRANSFERS) for point in ALL}
    payments = {point: payment for point, (payment, _) in killed.items()}

    refused = settle(payments)
    assert {point for point, answer in refused.items() if answer.status_code == 201} == OPEN | CLOSED
    unknown = {point: answer for point, answer in refused.items() if point not in OPEN | CLOSED}
    assert {refusal(answer) for answer in unknown.values()} == {(409, "outcome_unknown")}
    # At most once: no retry has asked the provider again.
    never = {SENT, *UNASKED} - OPEN
    assert live.charged(payments) == {point: (0, 0) if point in never else (1, 1) for point in ALL}

    told = live.manage("resolve_transfers", "--who", "ops@example.com")
    assert (told.count(": released"), told.count(": completed")) == (len(never), len(unknown) - len(never))
    actions = sorted(action for (action,) in live.rows("SELECT action FROM idempotency_audit"))
    assert actions == ["completed"] * (len(unknown) - len(never)) + ["released"] * len(never)
    answers = settle(payments)
    finish([hold for _, hold in killed.values() if hold])

    assert_paid_once(live, payments, answers, {point: 2 if point == SENT else 1 for point in ALL})


@pytest.mark.databases("postgresql", "mariadb")
def test_a_worker_that_comes_back_late(live: Killing) -> None:
    """PROTOCOL: "the zombie updates 0 rows and answers with the winner's response": and leaves no second row."""
    payment = Payment(live.acme, about="late")
    hold = live.provider.hold(payment.body["description"], charged=True)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(payment.send)
        assert hold.arrived.wait(PATIENCE)
        winner = payment.settle()
        finish([hold])
        assert (late.result().status_code, late.result().content) == (201, winner.content)
        assert late.result().headers["Idempotent-Replayed"] == "true"
    assert_paid_once(live, {"late": payment}, {"late": winner}, {"late": 1})
