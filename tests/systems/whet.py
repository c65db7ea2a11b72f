"""Whet's five POSTs, ready to be sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tests.systems.live import Caller, new_key

Body = dict[str, Any]

INTENT: Body = {"handle": "growth_dr", "intent": "Track for analytical drafts, daily."}
PAGE: Body = {"url": "https://example.com/news", "intent": "Summarise."}
# Has no fields of its own, so these are ignored.
NOTE: Body = {"note": "Please hurry.", "handle": 7}


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One POST of one caller; what its path names is there."""

    caller: Caller
    path: str
    body: Body
    # Valid too.
    other: Body
    # How often it has happened.
    count: Callable[[], int]
    # What it refuses, if there is anything.
    invalid: Body | None = None
    # The path of the pipeline that its path belongs to.
    pipeline: str = ""

    def send(
        self, key: object, body: Body | None = None, *, fault: str | None = None, query: str = ""
    ) -> httpx.Response:
        sent = {**(self.body if body is None else body), "idempotency_key": key}
        return self.caller.send("POST", self.path + query, sent, fault=fault)


Make = Callable[[Caller], Endpoint]


def from_intent(caller: Caller) -> Endpoint:
    return Endpoint(
        caller=caller,
        path="/whet/pipelines/from-intent",
        body=INTENT,
        other={**INTENT, "intent": "Weekly."},
        invalid={"intent": "Weekly."},
        count=partial(caller.count, "/whet/pipelines"),
    )


def draft(caller: Caller) -> Endpoint:
    pipeline = f"/whet/pipelines/{made(from_intent(caller))['pipeline_id']}"
    (post,) = caller.get(pipeline)["posts"]
    return Endpoint(
        caller=caller,
        path=f"/whet/posts/{post['post_id']}/draft",
        body={},
        other=NOTE,
        count=partial(caller.count, f"{pipeline}/inbox"),
        pipeline=pipeline,
    )


def publish(caller: Caller) -> Endpoint:
    drafted = draft(caller)
    artifact = f"/whet/artifacts/{made(drafted)['artifact_id']}"
    return Endpoint(
        caller=caller,
        path=f"{artifact}/publish",
        body={},
        other=NOTE,
        count=lambda: int(caller.get(artifact)["publications"]),
        pipeline=drafted.pipeline,
    )


def connect(caller: Caller) -> Endpoint:
    return Endpoint(
        caller=caller,
        path="/whet/accounts/connect",
        body={"provider": "linkedin"},
        other={"provider": "mastodon"},
        invalid={"provider": 7},
        count=partial(caller.count, "/whet/accounts"),
    )


def fetch(caller: Caller) -> Endpoint:
    return Endpoint(
        caller=caller,
        path="/whet/fetch",
        body=PAGE,
        other={**PAGE, "intent": "List."},
        invalid={**PAGE, "url": "no address"},
        count=partial(caller.count, "/whet/artifacts"),
    )


ENDPOINTS: tuple[Make, ...] = (from_intent, draft, publish, connect, fetch)


def on(*makes: Make) -> pytest.MarkDecorator:
    """Run a test on these endpoints."""
    return pytest.mark.parametrize("make", makes, ids=lambda make: make.__name__)


def made(endpoint: Endpoint) -> Body:
    """Do it, and tell what came of it."""
    response = endpoint.send(new_key())
    assert response.status_code == 201, response.text
    return dict(response.json())


def assert_refused(response: httpx.Response, status: int, code: str) -> None:
    """Hold a refusal to SYSTEMS: ``{"error": {"code", "message"}}``."""
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    assert set(response.json()["error"]) == {"code", "message"}
    assert response.json()["error"]["code"] == code
    assert "Idempotent-Replayed" not in response.headers
