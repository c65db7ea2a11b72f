"""Whet's tools as a client of the protocol has them: its own SDK, a real process, and both transports."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx2
from anyio.from_thread import start_blocking_portal
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool

from testproject.demo.processes import end, start
from tests.servers import NO_CERTIFICATES, ROOT
from tests.systems.live import TIMEOUT, Live
from tests.systems.whet import Body, Endpoint

COMMAND = ("manage.py", "whet_mcp")
PATIENCE = 60.0

# From a token to a client that presents it.
Connect = Callable[[str | None], AbstractAsyncContextManager[Client]]


class Caller:
    """One client of the tools; threads may share it."""

    def __init__(self, connection: AbstractAsyncContextManager[Client]) -> None:
        self._connection = connection
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            self._client = stack.enter_context(self._portal.wrap_async_context_manager(self._connection))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def tools(self) -> dict[str, Tool]:
        return {tool.name: tool for tool in self._portal.call(self._client.list_tools).tools}

    def call(self, name: str, arguments: Body) -> CallToolResult:
        return self._portal.call(partial(self._client.call_tool, name, arguments))

    def repeat(self, endpoint: Endpoint, key: str | None, body: Body | None = None) -> CallToolResult:
        """Do as a tool what an endpoint does, whoever its own caller is."""
        name, arguments = tool_of(endpoint)
        arguments |= endpoint.body if body is None else body
        return self.call(name, arguments if key is None else {**arguments, "idempotency_key": key})


class Transport:
    """Callers of one transport, each with a connection of its own that stays for the others with its token."""

    def __init__(self, connect: Connect, stack: ExitStack, url: str = "") -> None:
        # Where it is, for clients of another kind.
        self.url = url
        self._connect = connect
        self._stack = stack
        self._callers: dict[str | None, Caller] = {}

    def caller(self, token: str | None) -> Caller:
        if token not in self._callers:
            self._callers[token] = self._stack.enter_context(Caller(self._connect(token)))
        return self._callers[token]

    @property
    def acme(self) -> Caller:
        return self.caller("acme-key-1")


@contextmanager
def over_stdio(live: Live) -> Iterator[Transport]:
    """Each token has a process of its own."""

    def connect(token: str | None) -> Client:
        given = {name: value for name, value in live.environment.items() if name != "WHET_TOKEN"}
        environment = given if token is None else {**given, "WHET_TOKEN": token}
        server = StdioServerParameters(
            command=sys.executable, args=list(COMMAND), env=environment, cwd=str(ROOT)
        )
        return Client(server, read_timeout_seconds=TIMEOUT)

    with ExitStack() as stack:
        yield Transport(connect, stack)


@contextmanager
def over_http(live: Live, folder: Path) -> Iterator[Transport]:
    """One process for all tokens. Its own, which is valid, is nobody's there."""
    environment = {**live.environment, "WHET_TOKEN": "acme-key-1"}
    log = folder / "whet_mcp.log"
    process = start([sys.executable, *COMMAND, "--http", "0"], environment, log)

    def connect(token: str | None) -> AbstractAsyncContextManager[Client]:
        return client_at(url, {} if token is None else {"Authorization": f"Bearer {token}"})

    try:
        url = printed_url(log)
        with ExitStack() as stack:
            yield Transport(connect, stack, url)
    finally:
        end(process)


@asynccontextmanager
async def client_at(url: str, headers: Mapping[str, str]) -> AsyncIterator[Client]:
    """A client whose requests have these headers."""
    async with (
        httpx2.AsyncClient(headers=headers, timeout=TIMEOUT, trust_env=False, verify=NO_CERTIFICATES) as http,
        Client(streamable_http_client(url, http_client=http), read_timeout_seconds=TIMEOUT) as client,
    ):
        yield client


def printed_url(log: Path) -> str:
    """Wait for the line in which the command says where it is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := re.search(r"^(http://\S+)\n", log.read_text(errors="replace"), re.MULTILINE):
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"whet_mcp says no URL:\n{log.read_text(errors='replace')}")


def tool_of(endpoint: Endpoint) -> tuple[str, Body]:
    """Tell the tool of an endpoint, and the arguments that stand in its path."""
    _, _, noun, *rest = endpoint.path.split("/")
    match noun, rest:
        case "posts", [post, "draft"]:
            return "posts_draft", {"post_id": post}
        case "artifacts", [artifact, "publish"]:
            return "artifacts_publish", {"artifact_id": artifact}
        case _:
            return "_".join([noun, *rest]).replace("-", "_"), {}


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def is_replay(result: CallToolResult) -> bool:
    return (result.meta or {}).get("Idempotent-Replayed") == "true"


def assert_tool_error(result: CallToolResult, code: str) -> None:
    """SYSTEMS: "errors as tool errors whose text holds the code"."""
    assert result.is_error
    assert f'"{code}"' in text_of(result)
    error: Any = result.structured_content
    assert error["error"]["code"] == code
    assert not is_replay(result)
