"""The live demonstration, and a stranger's client for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from testproject.accounts.seeds import ORGANIZATIONS, tokens_of
from testproject.demo import databases
from testproject.demo.server import Server
from tests.databases import NAMES
from tests.servers import ROOT, http_client

# What a system's rules say is the same on every database, so a test of them runs on one: the demo plays each endpoint,
# with each fault, on all. This is for tests of what the demo does not play.
on_every_database = pytest.mark.databases(*NAMES)
# The same, for tests that take long: on one in a usual run, on all with LONG_TESTS=1.
in_the_long_run = pytest.mark.databases(*NAMES, long=True)

# Seconds; above the longest wait of any policy.
TIMEOUT = 40.0
PATIENCE = 30.0


class Live:
    """A running server, on a database that is migrated and seeded."""

    def __init__(self, database_url: str, folder: Path) -> None:
        # In process, whatever broker the environment names.
        self.environment = {**databases.environment(database_url, folder), "CELERY_BROKER_URL": ""}
        self.server = Server(self.environment, folder / "server.log")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        databases.prepare(self.environment)
        self._stack.enter_context(self.server)
        self.url = self.server.url
        self.acme, self.globex = (self.caller(tokens_of(name)[0]) for name in ORGANIZATIONS)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def caller(self, token: str | None) -> Caller:
        """A client with this token."""
        return self._stack.enter_context(Caller(self.url, token))

    def manage(self, *arguments: str) -> str:
        """Run a management command on the server's database, and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


class Caller:
    """One client. It sends each request once, and returns whatever came back."""

    def __init__(self, url: str, token: str | None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = http_client(url, headers=headers, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        fault: str | None = None,
    ) -> httpx.Response:
        """Send one request; a body that is bytes goes as it is, any other one as JSON."""
        given = dict(headers or {})
        if fault is not None:
            given["X-Demo-Fault"] = fault
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        return self._http.request(method, path, content=content, headers=given)

    def get(self, path: str) -> Any:
        """Read something that must be there."""
        response = self.send("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def count(self, path: str) -> int:
        """Tell how long a list is, and that it is one."""
        shown = self.get(path)
        assert set(shown) == {"count", "results"}
        assert shown["count"] == len(shown["results"])
        return int(shown["count"])


def new_key() -> str:
    """A key as clients make them: 32 hexadecimal digits."""
    return uuid.uuid4().hex


def answered(send: Callable[[], httpx.Response]) -> httpx.Response:
    """Send again until there is an answer that is neither lost nor a failure of the server."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            response = send()
        except httpx.TransportError:
            continue
        if response.status_code < 500:
            return response
    raise AssertionError("no answer")


def at_once(sends: Iterable[Callable[[], httpx.Response]]) -> list[httpx.Response]:
    """Send requests from as many threads, and return the answers in the order of the senders."""
    senders = list(sends)
    with ThreadPoolExecutor(len(senders)) as threads:
        return [future.result() for future in [threads.submit(send) for send in senders]]


def assert_replay(replay: httpx.Response, first: httpx.Response, *same: str) -> None:
    """Hold a replay to the first answer: status, bytes, Content-Type, Location, and the marker."""
    assert "Idempotent-Replayed" not in first.headers
    assert replay.headers.get("Idempotent-Replayed") == "true"
    assert (replay.status_code, replay.content) == (first.status_code, first.content)
    for name in ("Content-Type", "Location", *same):
        assert replay.headers.get(name) == first.headers.get(name), name
