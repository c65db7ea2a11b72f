"""Each rule is shown with both libraries, and with the synchronous and the asynchronous transport."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from django_idempotency.client import AsyncIdempotentTransport, IdempotentTransport, operations
from tests.client.server import Answer, Script, scripted
from tests.servers import NO_CERTIFICATES


class Caller:
    """
    A client of the scripted server, whose waits take no time.

    Attributes:
        waits: the seconds that it waited between its attempts.
        closed: of each response that the network gave, whether the transport has closed it before the next attempt.
    """

    def __init__(self, script: Script, library: Any, asynchronous: bool) -> None:
        self.script = script
        self.library = library
        self.asynchronous = asynchronous
        self.waits: list[float] = []
        self.closed: list[bool] = []
        self.responses: list[Any] = []
        self.rules: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def answers(self, *answers: Answer | str) -> Caller:
        """Have the server answer so."""
        self.script.answers[:] = answers
        return self

    def post(self, **sent: Any) -> Any:
        return self.request("POST", **sent)

    def request(self, method: str, **sent: Any) -> Any:
        """Send a request, and read the response."""
        return self.send(lambda http: http.build_request(method, self.script.url, **sent))

    def send(self, build: Any, **how: Any) -> Any:
        """Send what a function makes with the client."""
        if self.asynchronous:
            return asyncio.run(self._asend(build, how))
        with self.library.Client(transport=self.transport(), **self.options) as http:
            return http.send(build(http), **how)

    async def _asend(self, build: Any, how: dict[str, Any]) -> Any:
        async with self.library.AsyncClient(transport=self.transport(), **self.options) as http:
            return await http.send(build(http), **how)

    def transport(self) -> Any:
        if self.asynchronous:
            inner = self.library.AsyncHTTPTransport(verify=NO_CERTIFICATES)
            self._watch(inner)
            return AsyncIdempotentTransport(inner, **{"sleep": self._asleep, **self.rules})
        inner = self.library.HTTPTransport(verify=NO_CERTIFICATES)
        self._watch(inner)
        return IdempotentTransport(inner, **{"sleep": self._sleep, **self.rules})

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.closed.extend(response.is_closed for response in self.responses)
        self.responses.clear()

    async def _asleep(self, seconds: float) -> None:
        self._sleep(seconds)

    def _watch(self, inner: Any) -> None:
        """Keep what the network gives."""
        if self.asynchronous:
            ahandle = inner.handle_async_request

            async def agiven(request: Any) -> Any:
                self.responses.append(await ahandle(request))
                return self.responses[-1]

            inner.handle_async_request = agiven
            return
        handle = inner.handle_request

        def given(request: Any) -> Any:
            self.responses.append(handle(request))
            return self.responses[-1]

        inner.handle_request = given


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted() as script:
        yield script


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> Any:
    return importlib.import_module(request.param)


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest, script: Script, library: Any) -> Caller:
    return Caller(script, library, request.param)


@pytest.fixture
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest pause that chance allows, each time."""
    monkeypatch.setattr(operations, "random", SimpleNamespace(uniform=max))
