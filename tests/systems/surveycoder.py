"""What the tests of SurveyCoder share: its POST endpoints, what they take and cost, and how its errors look."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from testproject.demo.server import Server
from tests.systems.live import TIMEOUT, Caller, Live, new_key

CODE = "/surveycoder/v1/code"
PROJECTS = "/surveycoder/v1/projects"
QUESTIONS = "/surveycoder/v1/questions"
WEBHOOKS = "/surveycoder/v1/webhooks"
CREDITS = "/surveycoder/v1/credits"
POSTS = (CODE, PROJECTS, QUESTIONS, WEBHOOKS)

every_post = pytest.mark.parametrize("path", POSTS)

REUSED = "Idempotency-Key reused with different body"

# What can be counted from outside: the length of a list, and the credits.
Tally = tuple[int, int]


def body_of(caller: Caller, path: str, number: int = 1) -> dict[str, Any]:
    """A valid body, another one for each number; of a question, for a project that is made here."""
    if path == QUESTIONS:
        project = made(post(caller, PROJECTS, {"name": "Customers"}))
        return {"project": project, "text": f"What could be better, in week {number}?"}
    bodies: dict[str, dict[str, Any]] = {
        CODE: {"question": f"How was week {number}?", "responses": ["Late delivery", "Fine"]},
        PROJECTS: {"name": f"Customers of week {number}"},
        WEBHOOKS: {"url": f"https://example.com/hooks/{number}"},
    }
    return bodies[path]


def tally(caller: Caller, path: str) -> Tally:
    return caller.count(path), credits_of(caller)


def after(before: Tally, path: str, times: int = 1) -> Tally:
    """What is counted once a body of `body_of` has taken effect so often."""
    count, credits = before
    return count + times, credits - (2 * times if path == CODE else 0)


def credits_of(caller: Caller) -> int:
    shown = caller.get(CREDITS)
    assert set(shown) == {"credits"}
    return int(shown["credits"])


def leave(live: Live, caller: Caller, credits: int) -> None:
    """Spend all credits but these."""
    if credits_of(caller) < credits:
        live.manage("seed_demo")
    if rest := credits_of(caller) - credits:
        made(post(caller, CODE, {"question": "How was it?", "responses": ["Fine"] * rest}, new_key()))
    assert credits_of(caller) == credits


def post(
    caller: Caller,
    path: str,
    body: Any,
    key: str | None = None,
    *,
    fault: str | None = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Send a POST, under a key or under none."""
    given = {**(headers or {}), **({} if key is None else {"Idempotency-Key": key})}
    return caller.send("POST", path, body, headers=given, fault=fault)


def raw_post(live: Live, path: str, body: Any, keys: Sequence[bytes]) -> httpx.Response:
    """Send a POST as acme, with whatever bytes for a key, or with several lines of keys."""
    content = json.dumps(body).encode()
    usual = {"Authorization": "Bearer acme-key-1", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(urlsplit(live.url).netloc, timeout=TIMEOUT)) as connection:
        connection.putrequest("POST", path)
        for name, value in {**usual, "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        for key in keys:
            connection.putheader("Idempotency-Key", key)
        connection.endheaders(content)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


@contextmanager
def another_server(live: Live, folder: Path, **environment: str) -> Iterator[Caller]:
    """Serve the same once more, in another environment, to acme."""
    with (
        Server({**live.environment, **environment}, folder / "another.log") as server,
        Caller(server.url, "acme-key-1") as caller,
    ):
        yield caller


def made(response: httpx.Response) -> str:
    """Check that something was made, by this very request, and tell its id."""
    assert response.status_code == 201, response.text
    assert "Idempotent-Replayed" not in response.headers
    assert response.json()["request_id"] == response.headers["X-Request-Id"]
    return str(response.json()["id"])


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Check that an error looks as SurveyCoder's do, and tell its status and its code."""
    error = response.json()["error"]
    assert set(response.json()) == {"error"}
    assert set(error) == {"code", "message", "request_id"}
    assert error["message"]
    assert error["request_id"] == response.headers["X-Request-Id"]
    assert "Idempotent-Replayed" not in response.headers
    return response.status_code, error["code"]


def assert_reused(response: httpx.Response) -> None:
    """Check that a key was refused because it belongs to another request, for good."""
    assert refusal(response) == (400, "VALIDATION_ERROR")
    assert response.json()["error"]["message"] == REUSED
    assert "Retry-After" not in response.headers
