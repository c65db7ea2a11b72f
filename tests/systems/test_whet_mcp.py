"""Whet's operations as tools: by the SDK's own client, over stdio and streamable HTTP, beside the live API."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from mcp.shared.exceptions import MCPError

from tests.servers import ROOT
from tests.systems.live import Live, in_the_long_run, new_key
from tests.systems.whet import (
    ENDPOINTS,
    Make,
    assert_refused,
    connect,
    draft,
    fetch,
    from_intent,
    on,
    publish,
)
from tests.systems.whet_tools import (
    COMMAND,
    Caller,
    Transport,
    assert_tool_error,
    client_at,
    is_replay,
    over_http,
    over_stdio,
    text_of,
)

TEXT = {"type": "string"}


@pytest.fixture(scope="module")
def transports(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Transport]]:
    """The tools beside the API, on its database."""
    folder = tmp_path_factory.mktemp("tools")
    with over_stdio(live) as stdio, over_http(live, folder) as http:
        yield {"stdio": stdio, "http": http}


@pytest.fixture(params=["stdio", "http"])
def tools(request: pytest.FixtureRequest, transports: dict[str, Transport]) -> Transport:
    """The tools over one of the transports."""
    return transports[request.param]


def test_list(tools: Transport) -> None:
    """SYSTEMS: "arguments as the HTTP fields plus `post_id`/`artifact_id` from the path"."""
    shown = tools.acme.tools()

    assert {
        name: (set(tool.input_schema["properties"]), tool.input_schema["required"])
        for name, tool in shown.items()
    } == {
        "pipelines_from_intent": (
            {"handle", "intent", "idempotency_key"},
            ["handle", "intent", "idempotency_key"],
        ),
        "posts_draft": ({"post_id", "idempotency_key"}, ["post_id", "idempotency_key"]),
        "artifacts_publish": ({"artifact_id", "idempotency_key"}, ["artifact_id", "idempotency_key"]),
        "accounts_connect": ({"provider", "idempotency_key"}, ["provider", "idempotency_key"]),
        "fetch": ({"url", "intent", "idempotency_key"}, ["url", "intent"]),
    }
    assert all(tool.annotations and tool.annotations.idempotent_hint for tool in shown.values())
    assert all(tool.description for tool in shown.values())
    properties = shown["fetch"].input_schema["properties"]
    key = properties["idempotency_key"]
    assert properties["url"] == {**TEXT, "maxLength": 2000, "format": "uri"}
    assert (key["type"], key["minLength"], key["maxLength"]) == ("string", 16, 128)


@on(*ENDPOINTS)
def test_retry(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "structured result equal to the HTTP body"; the second call has the first one's result."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    first, again = tools.acme.repeat(endpoint, key), tools.acme.repeat(endpoint, key)

    assert not first.is_error
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert again.structured_content == first.structured_content
    assert text_of(again) == text_of(first) == endpoint.send(key).text
    assert endpoint.count() == before + 1


@on(*ENDPOINTS)
def test_http_then_tool(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "a call made over HTTP and repeated over MCP with the same key [...] is a replay"."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    first, again = endpoint.send(key), tools.acme.repeat(endpoint, key)

    assert (first.status_code, again.is_error, is_replay(again)) == (201, False, True)
    assert (again.structured_content, text_of(again)) == (first.json(), first.text)
    assert endpoint.count() == before + 1


@on(*ENDPOINTS)
def test_tool_then_http(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "and the other way round"; a colleague's token is the same organization's."""
    endpoint, key = make(live.caller("acme-key-2")), new_key()
    before = endpoint.count()

    first, again = tools.acme.repeat(endpoint, key), endpoint.send(key)

    assert (first.is_error, is_replay(first)) == (False, False)
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true")
    assert (again.json(), again.text) == (first.structured_content, text_of(first))
    assert endpoint.count() == before + 1


@on(from_intent, connect, fetch)
def test_other_body(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "the endpoint's own validation of the new body first [...], then the first result, a replay"."""
    endpoint, key = make(live.acme), new_key()
    first = endpoint.send(key)
    before = endpoint.count()

    assert_tool_error(tools.acme.repeat(endpoint, key, endpoint.invalid), "validation_failed")
    other = tools.acme.repeat(endpoint, key, endpoint.other)
    assert is_replay(other)
    assert other.structured_content == first.json()
    assert endpoint.count() == before


@on(draft, publish)
def test_other_path(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "same key, other path argument [...]: 400 validation_failed", over both protocols."""
    endpoint, other, key = make(live.acme), make(live.acme), new_key()
    first = tools.acme.repeat(endpoint, key)
    before = other.count()

    assert not first.is_error
    assert_tool_error(tools.acme.repeat(other, key), "validation_failed")
    assert_refused(other.send(key), 400, "validation_failed")
    assert other.count() == before


@on(from_intent, draft, publish, connect)
def test_key_is_required(live: Live, tools: Transport, make: Make) -> None:
    """SYSTEMS: "missing key: 400 validation_failed"; a key of the wrong length or type is one, too."""
    endpoint = make(live.acme)
    before = endpoint.count()

    assert_tool_error(tools.acme.repeat(endpoint, None), "validation_failed")
    assert_tool_error(tools.acme.repeat(endpoint, "k" * 15), "validation_failed")
    assert_tool_error(tools.acme.repeat(endpoint, None, {"idempotency_key": 7}), "validation_failed")
    assert endpoint.count() == before


def test_fetch_without_key(live: Live, tools: Transport) -> None:
    """SYSTEMS: "without a key, a repeated (url, intent) pair [...] returns the same artifact": not marked."""
    endpoint = fetch(live.acme)
    page = {**endpoint.body, "url": f"https://example.com/{new_key()}"}
    before = endpoint.count()

    first = live.acme.send("POST", endpoint.path, page)
    again = tools.acme.repeat(endpoint, None, page)

    assert first.status_code == 201
    assert (again.is_error, is_replay(again), again.structured_content) == (False, False, first.json())
    assert endpoint.count() == before + 1


@pytest.mark.parametrize("arguments", [{"post_id": "nothing"}, {"post_id": "a/b%2F\0é"}, {"post_id": 7}, {}])
def test_nothing_there(tools: Transport, arguments: dict[str, object]) -> None:
    """SYSTEMS: "404 `not_found`", whatever is said to be the post."""
    result = tools.acme.call("posts_draft", {**arguments, "idempotency_key": new_key()})

    assert_tool_error(result, "not_found")


@pytest.mark.parametrize("token", ["nobody's-key", None])
def test_wrong_token(live: Live, tools: Transport, token: str | None) -> None:
    """SYSTEMS: "401 `unauthorized`", also for a key that has a stored answer; none is not the server's own."""
    endpoint, key = connect(live.acme), new_key()
    endpoint.send(key)
    before = endpoint.count()

    assert_tool_error(tools.caller(token).repeat(endpoint, key), "unauthorized")
    assert endpoint.count() == before


@on(from_intent, connect, fetch)
def test_other_organization(live: Live, tools: Transport, make: Make) -> None:
    """Seed: "Two different orgs can use the same key without colliding"."""
    mine, theirs, key = make(live.acme), make(live.globex), new_key()
    before = theirs.count()

    first, other = mine.send(key), tools.caller("globex-key-1").repeat(theirs, key)

    assert (other.is_error, is_replay(other)) == (False, False)
    assert other.structured_content != first.json()
    assert theirs.count() == before + 1


@in_the_long_run
@on(from_intent, draft, publish, connect)
def test_at_once(live: Live, tools: Transport, make: Make) -> None:
    """Seed: "Same key + original still running": both protocols at once, and one effect."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()
    barrier = Barrier(4)

    def by_tool() -> tuple[object, bool]:
        barrier.wait()
        result = tools.acme.repeat(endpoint, key)
        return result.structured_content, is_replay(result)

    def by_http() -> tuple[object, bool]:
        barrier.wait()
        # Long enough that the others find it running, if it is the first.
        answer = endpoint.send(key, fault="slow=0.3")
        return answer.json(), "Idempotent-Replayed" in answer.headers

    with ThreadPoolExecutor(4) as threads:
        calls = [threads.submit(call) for call in (by_tool, by_http) * 2]
        answers = [call.result() for call in calls]

    assert [body for body, _ in answers] == [answers[0][0]] * 4
    assert sorted(replayed for _, replayed in answers) == [False, True, True, True]
    assert endpoint.count() == before + 1


def test_key_of_a_deleted_pipeline(live: Live, tools: Transport) -> None:
    """SYSTEMS: "as long as the resource; then 404 `not_found`"."""
    endpoint, key = draft(live.acme), new_key()
    tools.acme.repeat(endpoint, key)
    live.acme.send("DELETE", endpoint.pipeline)

    assert_tool_error(tools.acme.repeat(endpoint, key), "not_found")


def test_api_key_header(live: Live, transports: dict[str, Transport]) -> None:
    """SYSTEMS: "same token headers"."""
    endpoint, key = connect(live.acme), new_key()
    first = endpoint.send(key)

    with Caller(client_at(transports["http"].url, {"X-API-Key": "acme-key-2"})) as caller:
        again = caller.repeat(endpoint, key)

    assert is_replay(again)
    assert again.structured_content == first.json()


def test_faults(live: Live, transports: dict[str, Transport]) -> None:
    """SYSTEMS: "After any of them a plain retry with the same key ends with exactly one effect"."""
    endpoint, key = connect(live.acme), new_key()
    before = endpoint.count()

    for fault in ("fail-before", "fail-after", "kill"):
        headers = {"Authorization": "Bearer acme-key-1", "X-Demo-Fault": fault}
        with Caller(client_at(transports["http"].url, headers)) as caller:
            assert_tool_error(caller.repeat(endpoint, key), "demo_fault")
    with (
        Caller(client_at(transports["http"].url, {**headers, "X-Demo-Fault": "drop"})) as caller,
        pytest.raises(MCPError),
    ):
        caller.repeat(endpoint, key)
    again = transports["http"].acme.repeat(endpoint, key)

    # Dropped was the answer, not what it tells of.
    assert (again.is_error, is_replay(again)) == (False, True)
    assert endpoint.count() == before + 1


def test_unknown_tool(tools: Transport) -> None:
    """What is no tool is a mistake of the client's, not an answer of Whet's."""
    with pytest.raises(MCPError, match="no tool 'pipelines'"):
        tools.acme.call("pipelines", {})


def test_without_the_sdk() -> None:
    """The command says what to install where that is missing."""
    script = "import runpy, sys; sys.modules['mcp'] = None; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    environment = {
        **os.environ,
        "DATABASE_URL": "sqlite://",
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMAND], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "python -m pip install -e '.[demo]'" in done.stderr
