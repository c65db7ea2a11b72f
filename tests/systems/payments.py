"""Payments as a stranger meets it: the API, and the provider's own word for what was charged."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from testproject.demo.outside import Outside
from tests.servers import http_client
from tests.systems.live import PATIENCE, Caller, Live, new_key

CHARGES = "/payments/v1/charges"
TRANSFERS = "/payments/v1/transfers"
both = pytest.mark.parametrize("path", [CHARGES, TRANSFERS])
PROVIDER = "testproject.payments.provider"
# Seconds between two attempts of a client that does as its answers say, if less patiently.
BACKOFF = 0.1
# A worker that is killed is missed for a second.
SHORT = {"PAYMENTS_LEASE": "1", "REQUEST_TIMEOUT": "0.5"}


class Paying(Live):
    """The demonstration, with a provider in a process of its own."""

    def __init__(self, database_url: str, folder: Path) -> None:
        super().__init__(database_url, folder)
        self.environment |= SHORT
        self.provider = Outside(PROVIDER, self.environment, folder)

    def __enter__(self) -> Self:
        self._stack.enter_context(self.provider)
        self.environment["PAYMENT_PROVIDER_URL"] = self.provider.url
        return super().__enter__()

    @contextmanager
    def no_provider(self) -> Iterator[None]:
        """Do without the provider for a while; it comes back as it was."""
        self.provider.__exit__()
        try:
            yield
        finally:
            self.provider.__enter__()


class Payment:
    """One payment that somebody wants, under one key, told from all others by its description."""

    def __init__(self, caller: Caller, path: str = CHARGES, amount: int = 1999, about: str = "") -> None:
        self.caller = caller
        self.path = path
        self.key = new_key()
        self.body: dict[str, Any] = {
            "amount": amount,
            "currency": "EUR",
            "description": f"{about} {uuid.uuid4()}".strip(),
        }

    def send(self, body: Any = None, **sent: Any) -> httpx.Response:
        """Send it once."""
        headers = {"Idempotency-Key": self.key, **sent.pop("headers", {})}
        return self.caller.send(
            "POST", self.path, self.body if body is None else body, headers=headers, **sent
        )

    def settle(self) -> httpx.Response:
        """Send it until the answer is one that no retry changes."""
        return settled(self.send)

    def settle_with(self, headers: dict[str, str]) -> httpx.Response:
        """The same with some headers; a broken connection is raised."""
        return settled(lambda: self.send(headers=headers), lost=())

    def rows(self) -> int:
        """Tell how often the API shows it."""
        return sum(
            row["description"] == self.body["description"] for row in self.caller.get(self.path)["results"]
        )

    def charged(self, provider_url: str) -> tuple[int, int]:
        """Ask the provider how often it was charged, and how many requests that took."""
        mine = [row for row in charges(provider_url) if row["description"] == self.body["description"]]
        known = {row["key"]: ask(provider_url, f"/charges/{row['key']}") for row in mine}
        assert len(mine) == sum(each["charges"] for each in known.values())
        return len(mine), sum(each["requests"] for each in known.values())


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


def settled(
    send: Callable[[], httpx.Response], lost: tuple[type[Exception], ...] = (httpx.TransportError,)
) -> httpx.Response:
    """Do as a client does: send again where nothing came back, or where the answer says that a retry may help."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(*lost):
            response = send()
            if response.status_code < 500 and "Retry-After" not in response.headers:
                return response
        time.sleep(BACKOFF)
    raise AssertionError("no answer")


def ask(provider_url: str, path: str) -> Any:
    """Read something from the provider."""
    with http_client(provider_url, timeout=PATIENCE) as http:
        return http.get(path).json()


def charges(provider_url: str) -> list[dict[str, Any]]:
    """List all that the provider has charged."""
    shown = ask(provider_url, "/charges")
    assert shown["count"] == len(shown["charges"])
    return list(shown["charges"])


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Tell the status and the code of an error, whose body must have the system's shape."""
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"code", "message"}
    assert error["message"]
    return response.status_code, error["code"]
