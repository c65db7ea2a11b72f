"""One key for each operation: where it comes from, where it travels, and where it can be read."""

from __future__ import annotations

import logging
import traceback
import uuid
from typing import Any

import pytest

from django_idempotency.client import is_replay, key_of
from django_idempotency.client.transports import new_key
from tests.client.conftest import Caller
from tests.client.server import DONE, DROPPED, Answer

UNAVAILABLE = Answer(503)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_each_attempt_has_the_same_key_and_the_same_bytes(caller: Caller, method: str) -> None:
    """REQ C: One key for an operation, made before its first attempt, with the same bytes each time."""
    response = caller.answers(DROPPED, UNAVAILABLE, DONE).request(method, json={"item": "book"})

    assert (response.status_code, response.json()) == (201, {"id": 1})
    keys = caller.script.keys
    assert keys == [key_of(response)] * 3
    assert {sent.body for sent in caller.script.sent} == {response.request.content}
    assert {sent.method for sent in caller.script.sent} == {method}


def test_each_operation_has_its_own(caller: Caller) -> None:
    """REQ C: Two operations have two keys, whatever they share."""
    first, second = (caller.answers(DONE).post(json=1) for _ in range(2))

    assert key_of(first) != key_of(second)
    assert caller.script.keys == [key_of(first), key_of(second)]


def test_a_key_has_128_random_bits() -> None:
    """REQ C: None of the 128 bits of a key is the same in all of them; it has the shape of a UUID."""
    keys = [new_key() for _ in range(200)]

    assert len(set(keys)) == 200
    assert [str(uuid.UUID(key)) for key in keys] == keys
    numbers = [uuid.UUID(key).int for key in keys]
    assert all(len({number >> bit & 1 for number in numbers}) == 2 for bit in range(128))


def test_the_callers_headers_stay_as_they_are(caller: Caller) -> None:
    """REQ C: Neither the caller's dict, nor the client's headers, nor the request's get the key."""
    own, extensions = {"X-Own": "1"}, {"own": 1}
    caller.options = {"headers": (shared := {"X-Shared": "1"})}
    response = caller.answers(DONE).post(json=1, headers=own, extensions=extensions)

    assert (own, shared, extensions) == ({"X-Own": "1"}, {"X-Shared": "1"}, {"own": 1})
    assert "Idempotency-Key" not in response.request.headers
    assert caller.script.sent[0].headers["X-Own"] == "1"


def test_the_callers_key_is_kept(caller: Caller) -> None:
    """REQ C: A key that the caller gave is sent as it is, whatever the spelling of its header, and is readable."""
    response = caller.answers(UNAVAILABLE, DONE).post(json=1, headers={"idempotency-key": "own-key"})

    assert caller.script.keys == ["own-key"] * 2
    assert key_of(response) == "own-key"


def test_the_header_the_methods_and_the_keys_can_be_chosen(caller: Caller) -> None:
    """REQ C: An API that wants its keys elsewhere, for other methods, or of another form gets them so."""
    caller.rules = {"header": "X-Request-Token", "methods": ["put"], "make_key": lambda: "made"}
    put = caller.answers(DONE).request("PUT", json=1)
    post = caller.answers(DONE).post(json=1)

    assert [sent.headers.get("X-Request-Token") for sent in caller.script.sent] == ["made", None]
    assert caller.script.keys == [None, None]
    assert (key_of(put), key_of(post)) == ("made", None)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
def test_other_methods_get_no_key(caller: Caller, method: str) -> None:
    """REQ C: What is idempotent by itself needs none."""
    response = caller.answers(DONE).request(method)

    assert caller.script.keys == [None]
    assert key_of(response) is None


def test_the_replay_flag_is_readable(caller: Caller) -> None:
    """REQ C: Whether an answer is a replay can be read, also where the server names the header otherwise."""
    replay, renamed, first = (
        caller.answers(Answer(headers=headers)).post()
        for headers in ({"Idempotent-Replayed": "true"}, {"X-Replay": "True"}, {})
    )

    assert [is_replay(each) for each in (replay, renamed, first)] == [True, False, False]
    assert is_replay(renamed, "X-Replay")


def test_an_error_tells_the_key_of_its_request(caller: Caller) -> None:
    """REQ C: An operation without an answer can be sent again later: the same request has the same key and bytes."""
    with pytest.raises(caller.library.RemoteProtocolError) as caught:
        caller.answers(*[DROPPED] * 3).post(json={"item": "book"})
    request = caught.value.request
    response = caller.answers(DONE).send(lambda http: request)

    assert caller.script.keys == [key_of(request)] * 4 == [key_of(response)] * 4
    assert len({sent.body for sent in caller.script.sent}) == 1


@pytest.mark.parametrize("given", [{}, {"Idempotency-Key": "own-key"}])
def test_a_redirected_request_is_the_same_operation(caller: Caller, given: dict[str, str]) -> None:
    """REQ C: A 307 has the client send the request elsewhere: with the same key, and retried as well."""
    moved = Answer(307, {"Location": "/elsewhere"})
    caller.options = {"follow_redirects": True}
    response = caller.answers(moved, UNAVAILABLE, DONE).post(json={"item": "book"}, headers=given)

    assert response.status_code == 201
    assert caller.script.keys == [key_of(response)] * 3
    assert len({sent.body for sent in caller.script.sent}) == 1


def test_a_request_that_authenticates_again_is_the_same_operation(caller: Caller) -> None:
    """REQ C: Where the client sends a request once more with a new token, its key stays."""

    class Token(caller.library.Auth):  # type: ignore[name-defined]
        def auth_flow(self, request: Any) -> Any:
            if (yield request).status_code == 401:
                request.headers["Authorization"] = "Bearer new"
                yield request

    caller.options = {"auth": Token()}
    response = caller.answers(Answer(401), UNAVAILABLE, DONE).post(json=1)

    assert caller.script.keys == [key_of(response)] * 3
    assert caller.script.sent[2].headers["Authorization"] == "Bearer new"


@pytest.mark.parametrize("key", ["", "secret\nkey", " secret", "secret\x7f", "secret\xe9"])
def test_a_key_that_cannot_travel_is_refused_unseen(caller: Caller, key: str) -> None:
    """REQ C: What would fail on its way, in an error that shows it, fails before, in one that does not."""
    caller.rules = {"make_key": lambda: key}
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        caller.post()

    assert not key or "secret" not in "".join(traceback.format_exception(caught.value))
    assert caller.script.sent == []


def test_no_log_and_no_error_shows_the_key(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """REQ C: The key is in no log, at whatever level, nor in the text of an error or of its causes."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(caller.library.RemoteProtocolError) as caught:
        caller.answers(UNAVAILABLE, DROPPED, DROPPED).post(json=1)
    key = key_of(caught.value.request)

    shown = [caplog.text, *traceback.format_exception(caught.value), *described(caught.value)]
    assert key
    assert caplog.records
    assert [text for text in shown if key in text] == []


def described(error: BaseException | None) -> list[str]:
    """How an error, its request and its causes are shown."""
    if error is None:
        return []
    request: Any = getattr(error, "_request", None)
    return [
        repr(error),
        str(error),
        repr(request),
        *described(error.__cause__),
        *described(error.__context__),
    ]
