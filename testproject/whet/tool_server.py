"""Serves the tools over the Model Context Protocol, by its own SDK: over stdio, and over streamable HTTP."""

import json
import os
import socket
from collections.abc import Mapping

import uvicorn
from anyio import to_thread
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request

from testproject.systems.faults import HEADER as FAULT
from testproject.whet.tools import tools

# The environment variable that says who calls over stdio.
TOKEN = "WHET_TOKEN"
PATH = "/mcp"

# What of an HTTP request reaches the views, as it came. Nothing else of it counts there.
PASSED_ON = ("Authorization", "X-API-Key", FAULT)
# What a client of the API is told by headers, a client of the tools is told beside the result.
TOLD = ("Idempotent-Replayed", "Retry-After")

# Of HTTP, it holds the request that a call came in.
Context = ServerRequestContext[dict[str, object], Request]


def server() -> Server:
    """Make the server; who calls is not known before a call."""
    known = {tool.name: tool for tool in tools()}

    async def list_tools(context: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        shown = [
            Tool(
                name=tool.name,
                description=tool.description,
                input_schema=tool.schema,
                annotations=ToolAnnotations(idempotent_hint=True, destructive_hint=False),
            )
            for tool in known.values()
        ]
        return ListToolsResult(tools=shown)

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult:
        if params.name not in known:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}")
        call, headers = known[params.name].call, headers_of(context)
        # Not given up when the client goes: a thread that has begun comes to its end, as a request does.
        answer = await to_thread.run_sync(call, params.arguments or {}, headers)
        return CallToolResult(
            content=[TextContent(type="text", text=answer.body.decode())],
            structured_content=json.loads(answer.body),
            is_error=answer.status >= 400,
            _meta={name: answer.headers[name] for name in TOLD if name in answer.headers} or None,
        )

    return Server("whet", on_list_tools=list_tools, on_call_tool=call_tool)


def headers_of(context: Context) -> Mapping[str, str]:
    """Tell who calls: over HTTP each request says so itself, and never has this process's own token."""
    if context.request is None:
        token = os.environ.get(TOKEN)
        return {} if token is None else {"Authorization": f"Bearer {token}"}
    sent = context.request.headers
    return {name: sent[name] for name in PASSED_ON if name in sent}


async def over_stdio() -> None:
    """Serve the process that has started this one."""
    tool_server = server()
    async with stdio_server() as (incoming, outgoing):
        await tool_server.run(incoming, outgoing, tool_server.create_initialization_options())


async def over_http(listener: socket.socket) -> None:
    """Serve whoever comes to a port of this machine."""
    # Each call says who calls, and is one request with one answer: there is no session to be kept.
    app = server().streamable_http_app(streamable_http_path=PATH, stateless_http=True, json_response=True)
    await uvicorn.Server(uvicorn.Config(app, log_level="warning")).serve(sockets=[listener])
