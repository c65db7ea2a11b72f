"""FirstHand's POSTs, each with a body and with the place where it shows how often it happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from tests.systems.live import Caller, new_key

JOBS = "/firsthand/v1/jobs"
KEYS = "/firsthand/v1/api_keys"
WEBHOOKS = "/firsthand/v1/webhook_endpoints"
BILLING = "/firsthand/v1/billing"
# Refusals: the status, and the type.
KEY_REQUIRED = (400, "idempotency_key_required")
INVALID_KEY = (400, "invalid_idempotency_key")
INVALID = (400, "validation_failed")
UNAUTHORIZED = (401, "unauthorized")
MISSING = (404, "not_found")
CONFLICT = (409, "idempotency_conflict")
IN_PROGRESS = (409, "idempotency_in_progress")
# The body that FirstHand's page shows.
JOB: dict[str, Any] = {
    "type": "data_collection",
    "description": "Photo of product packaging",
    "files_needed": 10,
    "accepted_formats": ["image/jpeg"],
    "price_per_file_cents": 50,
}
CREDITS = 5


@dataclass(frozen=True)
class Endpoint:
    """
    One POST.

    Attributes:
        path: with the job that it is about in braces.
        other: another body that does the same.
        shown, member: where it shows how often it happened; the number grows by `each`.
        success: the status of its answer.
    """

    path: str
    body: dict[str, Any]
    other: dict[str, Any]
    shown: str
    member: str = "count"
    each: int = 1
    success: int = 201

    def __str__(self) -> str:
        return self.path.removeprefix("/firsthand/v1")


CREATE_JOB = Endpoint(JOBS, JOB, {**JOB, "files_needed": 11}, JOBS)
CANCEL = Endpoint(
    f"{JOBS}/{{job}}/cancel",
    {"reason": "Found them", "note": ""},
    {"reason": "Too dear"},
    f"{JOBS}/{{job}}",
    "cancellations",
    success=200,
)
RATE = Endpoint(
    f"{JOBS}/{{job}}/rate", {"rating": 4, "comment": ""}, {"rating": 5}, f"{JOBS}/{{job}}", "ratings"
)
CREATE_KEY = Endpoint(KEYS, {"name": "Server", "note": ""}, {"name": "Laptop"}, KEYS)
CREATE_WEBHOOK = Endpoint(
    WEBHOOKS, {"url": "https://example.com/1", "note": ""}, {"url": "https://example.com/2"}, WEBHOOKS
)
PURCHASE = Endpoint(
    f"{BILLING}/purchase",
    {"credits": CREDITS, "note": ""},
    {"credits": CREDITS, "note": "For the photos"},
    BILLING,
    "balance",
    each=CREDITS,
)
# Those that need a job come first: a job that is made for them is not one that another test counts.
ENDPOINTS = (CANCEL, RATE, CREATE_JOB, CREATE_KEY, CREATE_WEBHOOK, PURCHASE)


class Post:
    """One endpoint in the hands of one caller, with a job of its own; what happens from now on is counted."""

    def __init__(self, caller: Caller, endpoint: Endpoint) -> None:
        self.caller = caller
        self.endpoint = endpoint
        self.job = make_job(caller)["id"] if "{job}" in endpoint.path else ""
        self.path = endpoint.path.format(job=self.job)
        self._before = self._shown()

    def send(
        self,
        key: str | None = None,
        body: Any = None,
        *,
        caller: Caller | None = None,
        path: str = "",
        fault: str | None = None,
    ) -> httpx.Response:
        """Send it once, with its own body and path unless there are others."""
        headers = {} if key is None else {"Idempotency-Key": key}
        content = self.endpoint.body if body is None else body
        return (caller or self.caller).send("POST", path or self.path, content, headers=headers, fault=fault)

    def sending(self, *args: Any, **kwargs: Any) -> Callable[[], httpx.Response]:
        """The same, for a thread."""
        return partial(self.send, *args, **kwargs)

    def happened(self) -> int:
        """Tell how often it has happened."""
        times, rest = divmod(self._shown() - self._before, self.endpoint.each)
        assert rest == 0
        return times

    def _shown(self) -> int:
        return int(self.caller.get(self.endpoint.shown.format(job=self.job))[self.endpoint.member])


def make_job(caller: Caller, **changes: Any) -> dict[str, Any]:
    """Make a job, and return it as the answer shows it."""
    response = caller.send("POST", JOBS, {**JOB, **changes}, headers={"Idempotency-Key": new_key()})
    assert response.status_code == 201, response.text
    return dict(response.json())


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Tell the status and the type of an error, whose body must have FirstHand's shape and the response's id."""
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert set(error) == {"type", "message", "request_id"}
    assert error["message"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    return response.status_code, error["type"]
