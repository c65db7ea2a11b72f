"""What is sent again, and what is not."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from typing import Any

import httpx
import pytest

from django_idempotency.client import AsyncIdempotentTransport, IdempotentTransport
from tests.client.conftest import Caller
from tests.client.server import DONE, DROPPED, SILENT, Answer

RETRY = {"Retry-After": "1"}
YES = {"X-Should-Retry": "true"}
NO = {"X-Should-Retry": "false"}
FINAL = [400, 401, 402, 403, 404, 405, 406, 410, 412, 413, 415, 418, 422, 423, 424, 428, 431, 451, 501, 505]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_error_is_retried(caller: Caller, status: int) -> None:
    """REQ C: These may be answered otherwise a moment later; what was answered before is closed."""
    response = caller.answers(Answer(status), DONE).post(json=1)

    assert response.status_code == 201
    assert caller.closed == [True]


@pytest.mark.parametrize("status", FINAL)
def test_a_final_error_is_not(caller: Caller, status: int) -> None:
    """REQ C: Never 422, nor another 4xx: the same request would be refused again."""
    response = caller.answers(Answer(status, RETRY)).post(json=1)

    assert (response.status_code, response.json()) == (status, {"id": 1})
    assert caller.waits == []


def test_a_409_is_retried_in_flight_only(caller: Caller) -> None:
    """REQ C: A 409 that says when to come back is of a request in flight; any other is final."""
    assert caller.answers(Answer(409, RETRY), DONE).post(json=1).status_code == 201
    assert caller.answers(Answer(409)).post(json=1).status_code == 409
    assert caller.answers(Answer(409, {"Retry-After": "soon"})).post(json=1).status_code == 409
    assert caller.waits == [1.0]


@pytest.mark.parametrize("status", [400, 404, 409, 423, 501])
def test_the_server_may_ask_for_a_retry(caller: Caller, status: int) -> None:
    """REQ C: `X-Should-Retry: true` makes a retry of what would be final."""
    assert caller.answers(Answer(status, YES), DONE).post(json=1).status_code == 201


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_the_server_may_forbid_a_retry(caller: Caller, status: int) -> None:
    """REQ C: `X-Should-Retry: false` makes final what would be retried, whatever else it says."""
    response = caller.answers(Answer(status, {**NO, **RETRY})).post(json=1)

    assert response.status_code == status
    assert caller.waits == []


@pytest.mark.parametrize("status", [200, 201, 303, 422])
def test_the_server_has_no_say_in_what_is_settled(caller: Caller, status: int) -> None:
    """REQ C: A success is not repeated, and a 422 never retried, whatever the server says of them."""
    assert caller.answers(Answer(status, {**YES, **RETRY})).post(json=1).status_code == status
    assert caller.waits == []


def test_three_attempts_and_no_more(caller: Caller) -> None:
    """REQ C: At most 3 attempts; the last answer is given as it is, open and readable."""
    answers = [Answer(503, body=body) for body in (b"first", b"second", b"third")]
    response = caller.answers(*answers).post(json=1)

    assert (response.status_code, response.content) == (503, b"third")
    assert len(caller.waits) == 2


def test_the_number_of_attempts_can_be_chosen(caller: Caller) -> None:
    """REQ C: Fewer or more; there is at least one."""
    caller.rules = {"attempts": 1}
    assert caller.answers(Answer(503)).post(json=1).status_code == 503
    caller.rules = {"attempts": 5}
    assert caller.answers(*[Answer(503)] * 4, DONE).post(json=1).status_code == 201
    caller.rules = {"attempts": 0}
    with pytest.raises(ValueError, match="at least one"):
        caller.post()


@pytest.mark.parametrize("answer", [DROPPED, SILENT, Answer(lost=1)])
def test_a_lost_answer_is_asked_for_again(caller: Caller, answer: Answer | str) -> None:
    """REQ C: An answer that does not come, comes too late or breaks off: the operation is sent again."""
    caller.options = {"timeout": 0.3 if answer == SILENT else 30}
    response = caller.answers(answer, DONE).post(json=1)

    assert (response.status_code, response.json()) == (201, {"id": 1})
    assert len(caller.waits) == 1


@pytest.mark.parametrize("answer", [DROPPED, Answer(lost=1)])
def test_the_last_error_is_the_callers(caller: Caller, answer: Answer | str) -> None:
    """REQ C: Where no attempt has an answer, the caller gets the error of the last one, of its own library."""
    with pytest.raises(caller.library.RemoteProtocolError) as caught:
        caller.answers(*[answer] * 3).post(json=1)

    assert caught.value.__context__ is caught.value.__cause__
    assert len(caller.waits) == 2


def test_a_server_that_is_not_there_is_tried_again(caller: Caller) -> None:
    """REQ C: A refused connection is a network error."""
    with pytest.raises(caller.library.ConnectError):
        caller.send(lambda http: http.build_request("POST", "http://127.0.0.1:1/", json=1))
    assert len(caller.waits) == 2


def test_a_mistake_of_the_caller_is_not_retried(caller: Caller) -> None:
    """REQ C: Only what the network does passes."""
    with pytest.raises(caller.library.UnsupportedProtocol):
        caller.send(lambda http: http.build_request("POST", "ftp://127.0.0.1/", json=1))
    assert caller.waits == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_an_idempotent_method_is_retried_without_a_key(caller: Caller, method: str) -> None:
    """REQ C: What RFC 9110 calls idempotent is retried as well, but not after a 500."""
    assert caller.answers(DROPPED, Answer(503), DONE).request(method).status_code == 201
    assert caller.answers(Answer(500)).request(method).status_code == 500
    assert len(caller.waits) == 2


@pytest.mark.parametrize("answer", [Answer(503, YES), DROPPED])
def test_nothing_else_is_retried_without_a_key(caller: Caller, answer: Answer | str) -> None:
    """REQ C: Without a key, a method that is not idempotent is sent once, whatever the outcome."""
    caller.rules = {"methods": ["PATCH"]}
    for method in ("POST", "LOCK"):
        try:
            assert caller.answers(answer).request(method).status_code == 503
        except caller.library.RemoteProtocolError:
            assert answer == DROPPED
    assert len(caller.script.sent) == 2


@pytest.mark.parametrize("answer", [Answer(503), DROPPED])
@pytest.mark.parametrize("kind", ["generator", "file"])
def test_what_cannot_be_sent_twice_is_not(caller: Caller, kind: str, answer: Answer | str) -> None:
    """REQ C: The first outcome of a body that is used up is given as it is; it has a key all the same."""
    body: Any
    if kind == "generator":
        body = agenerator() if caller.asynchronous else (part for part in (b"a", b"bc"))
    else:
        body = AsyncFile(b"abc") if caller.asynchronous else io.BytesIO(b"abc")
    sent = {"content": body, "headers": {"Content-Length": "3"}}
    try:
        assert caller.answers(answer).post(**sent).status_code == 503
    except caller.library.RemoteProtocolError:
        assert answer == DROPPED
    assert caller.waits == []
    assert [sent.body for sent in caller.script.sent] == [b"abc"]
    assert all(caller.script.keys)


class AsyncFile:
    """What the files of asynchronous libraries have in common."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    async def aread(self, size: int) -> bytes:
        return self._file.read(size)

    def __aiter__(self) -> Any:
        # It tells the libraries that it is asynchronous; they read it by `aread`.
        raise NotImplementedError


async def agenerator() -> Any:
    for part in (b"a", b"bc"):
        yield part


def test_an_upload_that_was_read_can_be_sent_twice(caller: Caller) -> None:
    """REQ C: A file whose bytes are in memory is retried with the same ones."""

    def build(http: Any) -> Any:
        request = http.build_request("POST", caller.script.url, files={"scan": io.BytesIO(b"abc")})
        request.read()
        return request

    assert caller.answers(Answer(503), DONE).send(build).status_code == 201
    assert len({sent.body for sent in caller.script.sent}) == 1


def test_what_has_no_length_is_handed_on_as_it_comes(caller: Caller) -> None:
    """REQ C: A stream reaches its reader without being read here; a first part of it is an answer."""
    caller.answers(Answer(200, body=b"data: 1\n\n", whole=False))
    response = caller.post(json=1)

    assert response.content == b"data: 1\n\n"
    assert caller.responses[0].is_closed


@pytest.mark.parametrize("size", [3, 1 << 21])
def test_a_response_can_be_streamed(script: Any, library: Any, size: int) -> None:
    """REQ C: What was read here and what was not stream alike, raw bytes and all."""
    caller = Caller(script, library, asynchronous=False).answers(Answer(200, body=b"x" * size))
    http = library.Client(transport=caller.transport())
    with http, http.stream("POST", script.url, json=1) as response:
        assert sum(map(len, response.iter_raw())) == size
    assert caller.closed == []


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1])
def test_only_what_is_short_is_read_at_once(script: Any, library: Any, size: int) -> None:
    """REQ C: Up to a size an answer is read before it is handed on, and not beyond."""
    caller = Caller(script, library, asynchronous=False).answers(Answer(200, body=b"x" * size))
    with caller.transport() as transport:
        response = transport.handle_request(library.Request("POST", script.url, json=1))
        assert isinstance(response.stream, library.ByteStream) == (size == 1 << 20)
        assert len(response.read()) == size


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """
    Attributes:
        ended: how often it was closed.
    """

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts
        self.ended = 0

    def __iter__(self) -> Any:
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> Any:
        for part in self:
            yield part

    def close(self) -> None:
        self.ended += 1

    async def aclose(self) -> None:
        self.ended += 1


@pytest.mark.parametrize("parts", [[b"abc"], [b"a", httpx.ReadError("lost")]], ids=["whole", "broken"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_was_read_is_closed(parts: list[Any], asynchronous: bool) -> None:
    """REQ C: A connection goes back when its answer is read, and when that fails, whatever the inner transport."""
    stream = Stream(parts)
    answer = httpx.Response(200, headers={"Content-Length": "3"}, stream=stream)
    inner = httpx.MockTransport(lambda request: answer)
    request = httpx.Request("POST", "http://127.0.0.1/")
    with suppress(httpx.ReadError):
        if asynchronous:
            asyncio.run(AsyncIdempotentTransport(inner, attempts=1).handle_async_request(request))
        else:
            IdempotentTransport(inner, attempts=1).handle_request(request)
    assert stream.ended == 1
