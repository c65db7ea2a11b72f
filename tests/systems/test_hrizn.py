"""hrizn's rules, as its column and its page say. What its endpoints do, and what goes wrong, are in the two modules beside."""

from __future__ import annotations

import json
import string
from collections.abc import Callable

import httpx
import pytest

from tests.systems.hrizn import (
    ARTICLE,
    CONFLICT,
    CONTENT,
    ENDPOINTS,
    GENERATE,
    IDEACLOUD,
    IDEACLOUDS,
    SOME,
    Endpoint,
    error_of,
    make_content,
    post,
    raw_post,
)
from tests.systems.live import Live, assert_replay, new_key

on_all = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
on_some = pytest.mark.parametrize("endpoint", SOME, ids=str)


@on_all
def test_retry(live: Live, endpoint: Endpoint) -> None:
    """Seed: "the API returns the original response instead of creating a duplicate"."""
    desk, key = endpoint.at(live.acme), new_key()

    first, second, third = (desk.post(key=key) for _ in range(3))

    assert first.status_code == 201
    assert_replay(second, first)
    assert_replay(third, first)
    assert desk.times() == 1


@on_all
def test_no_key(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "without a key (where optional) each POST is a new operation"."""
    desk = endpoint.at(live.acme)

    answers = [desk.post(), desk.post()]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)
    assert desk.times() == 2


@on_all
def test_other_body(live: Live, endpoint: Endpoint) -> None:
    """Seed: "409 Conflict ... each key is permanently bound to the first request's parameters"."""
    desk, key = endpoint.at(live.acme), new_key()
    first = desk.post(1, key)

    for _ in range(2):
        other = desk.post(2, key)
        assert (other.status_code, other.json()) == (409, CONFLICT)
    assert_replay(desk.post(1, key), first)
    assert desk.times() == 1


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.names_something], ids=str)
def test_other_path_argument(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "same key, other path argument" is 409; nothing happens to the other item, and the key stays."""
    this, other, key = endpoint.at(live.acme), endpoint.at(live.acme), new_key()
    first = this.post(key=key)
    other.before = other.count()

    refused = other.post(key=key)

    assert (refused.status_code, refused.json()) == (409, CONFLICT)
    assert other.times() == 0
    assert_replay(this.post(key=key), first)


def test_path_before_object(live: Live) -> None:
    """SYSTEMS: "The path is compared before the object is looked up"."""
    desk, key, missing = GENERATE.at(live.acme), new_key(), f"{CONTENT}/no-such-item/generate"
    assert desk.post(key=key).status_code == 201

    assert post(live.acme, missing, GENERATE.body(1), key).json() == CONFLICT
    assert error_of(post(live.acme, missing, GENERATE.body(1), new_key())) == (404, "not_found")


@on_some
def test_other_query(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "same key, other ... query" is 409."""
    desk, key = endpoint.at(live.acme), new_key()
    assert desk.post(key=key).status_code == 201

    refused = post(live.acme, f"{desk.path}?draft=1", endpoint.body(1), key)

    assert (refused.status_code, refused.json()) == (409, CONFLICT)
    assert desk.times() == 1


def test_other_endpoint(live: Live) -> None:
    """SYSTEMS: scope "organization + endpoint": one key does one operation at each of the twelve."""
    key = new_key()

    for endpoint in ENDPOINTS:
        desk = endpoint.at(live.acme)
        first = desk.post(key=key)
        assert (first.status_code, desk.times()) == (201, 1), endpoint
        assert_replay(desk.post(key=key), first)


@on_some
def test_organizations(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "two organizations may use the same key"; the two API keys of one organization share it."""
    key, acme, globex = new_key(), endpoint.at(live.acme), endpoint.at(live.globex)
    first, theirs = acme.post(key=key), globex.post(key=key)
    colleague = post(live.caller("acme-key-2"), acme.path, endpoint.body(1), key)

    assert theirs.status_code == 201
    assert "Idempotent-Replayed" not in theirs.headers
    assert_replay(colleague, first)
    assert (acme.times(), globex.times()) == (1, 1)


@pytest.mark.parametrize(
    "key",
    [
        "550e8400-e29b-41d4-a716-446655440000",
        "create-article-2026-02-10T12:00:00Z",
        "srptv-order-12345",
        "create-ideacloud-2026-02-10-crv-review",
        "k",
        "k" * 256,
        "inner  spaces are allowed",
        (string.ascii_letters + string.digits + string.punctuation).replace(",", ""),
    ],
)
def test_good_key(live: Live, key: str) -> None:
    """Seed: "a unique string (up to 256 characters)". SYSTEMS: 1-256, 0x21-0x7E and inner spaces."""
    desk = IDEACLOUD.at(live.acme)

    first = desk.post(key=key)

    assert first.status_code == 201
    assert_replay(desk.post(key=key), first)
    assert desk.times() == 1


def test_literal_key(live: Live) -> None:
    """SYSTEMS: "The header is taken literally, quotes included"."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    spellings = (key, key.upper() + "X", key + "x", f'"{key}"', f'"{key}', f"'{key}'", f"{key}\\")

    answers = [desk.post(key=spelling) for spelling in spellings]

    assert {answer.status_code for answer in answers} == {201}
    assert desk.times() == len(spellings)
    assert_replay(desk.post(key=f'"{key}"'), answers[3])


@pytest.mark.parametrize(
    "keys",
    [
        [b""],
        [b"  "],
        [b"k" * 257],
        [b"one,two"],
        [b"one", b"two"],
        [b"same", b"same"],
        ["ключ".encode()],
        ["clé".encode("latin-1")],
    ],
    ids=["empty", "blank", "257", "comma", "two-lines", "twice-the-same", "utf-8", "latin-1"],
)
@on_some
def test_bad_key(live: Live, endpoint: Endpoint, keys: list[bytes]) -> None:
    """SYSTEMS: "a comma is 400 ... as are an empty, blank or non-ASCII one": `invalid_idempotency_key`."""
    desk = endpoint.at(live.acme)

    answer = raw_post(live, desk.path, endpoint.body(1), keys)

    assert error_of(answer) == (400, "invalid_idempotency_key")
    assert desk.times() == 0


@pytest.mark.parametrize("control", [b"\t", b"\x01", b"\x7f"])
def test_control_byte_in_key(live: Live, control: bytes) -> None:
    """SYSTEMS: 0x21-0x7E and inner spaces. "Control bytes may be refused by the HTTP server itself"."""
    desk = IDEACLOUD.at(live.acme)

    answer = raw_post(live, desk.path, IDEACLOUD.body(1), [b"a" + control + b"b"])

    assert answer.status_code == 400
    assert desk.times() == 0


def test_other_headers(live: Live) -> None:
    """SYSTEMS: "Another system's header means nothing", nor does another system's body field."""
    desk = IDEACLOUD.at(live.acme)
    body = {**IDEACLOUD.body(1), "idempotency_key": new_key()}

    for key in (new_key(), "one,two", ""):
        for _ in range(2):
            answer = live.acme.send("POST", desk.path, body, headers={"Idempotency-Key": key})
            assert answer.status_code == 201
            assert "Idempotent-Replayed" not in answer.headers
    assert desk.times() == 6


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_other_methods(live: Live, method: str) -> None:
    """SYSTEMS: "GET, PATCH and DELETE ignore the key": used, malformed or none, the answer is the same."""
    item, used = make_content(live.acme), new_key()
    assert post(live.acme, CONTENT, ARTICLE.body(1), used).status_code == 201

    for path in (CONTENT, item, f"{CONTENT}/no-such-item", f"{item}/generate"):
        body = None if method == "GET" else ARTICLE.body(1)
        plain = live.acme.send(method, path, body)
        for key in (used, "one,two", ""):
            answer = live.acme.send(method, path, body, headers={"X-Idempotency-Key": key})
            assert (answer.status_code, answer.content) == (plain.status_code, plain.content)
            assert "Idempotent-Replayed" not in answer.headers


def test_same_body(live: Live) -> None:
    """SYSTEMS: "JSON with other white space or member order is the same body"."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    body = {"keyword": "EV range", "options": {"depth": 1, "tags": ["a", "b"]}}
    reordered = {"options": {"tags": ["a", "b"], "depth": 1}, "keyword": "EV range"}
    first = post(live.acme, desk.path, body, key)

    for text in (json.dumps(body, indent=4), json.dumps(reordered, separators=(",", ":"))):
        assert_replay(post(live.acme, desk.path, text.encode(), key), first)
    for other in ({**body, "options": {"depth": 1, "tags": ["b", "a"]}}, {**body, "more": None}):
        assert post(live.acme, desk.path, other, key).json() == CONFLICT
    assert desk.times() == 1


def corrected_body(live: Live, key: str) -> httpx.Response:
    assert error_of(post(live.acme, IDEACLOUDS, {"keyword": ""}, key)) == (400, "validation_failed")
    return post(live.acme, IDEACLOUDS, {"keyword": "EV range"}, key)


def corrected_token(live: Live, key: str) -> httpx.Response:
    stranger = live.caller("no-such-token")
    assert error_of(post(stranger, IDEACLOUDS, {"keyword": "EV range"}, key)) == (401, "unauthorized")
    return post(live.acme, IDEACLOUDS, {"keyword": "EV range"}, key)


def corrected_path(live: Live, key: str) -> httpx.Response:
    missing = f"{CONTENT}/no-such-item/compliance"
    assert error_of(post(live.acme, missing, key=key)) == (404, "not_found")
    return post(live.acme, f"{make_content(live.acme)}/compliance", key=key)


@pytest.mark.parametrize("correct", [corrected_body, corrected_token, corrected_path])
def test_refused_first(live: Live, correct: Callable[[Live, str], httpx.Response]) -> None:
    """SYSTEMS: a refused request "stores nothing, and the same key with a corrected request runs"."""
    answer = correct(live, new_key())

    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


def test_expiry(live: Live) -> None:
    """Seed: "keys expire after 24 hours. After that, the same key can be reused with any parameters"."""
    desk, key, same = IDEACLOUD.at(live.acme), new_key(), new_key()
    first, again = desk.post(1, key), desk.post(1, same)

    live.manage("age_demo", "23")
    assert_replay(desk.post(1, key), first)
    live.manage("age_demo", "2")
    anew, other = desk.post(1, same), desk.post(2, key)

    assert (anew.status_code, other.status_code) == (201, 201)
    assert anew.json()["id"] != again.json()["id"]
    assert other.json()["keyword"] == IDEACLOUD.body(2)["keyword"]
    assert_replay(desk.post(2, key), other)
    assert desk.times() == 4


@pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])
@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"keyword": "%s"}' % (b"x" * 3_000_000)], ids=["deep", "large"]
)
def test_unreadable_body(live: Live, body: bytes, keyed: bool) -> None:
    """SYSTEMS: "invalid body: 400 `validation_failed`", also one that no parser gets to the end of."""
    # The server does not read to the end of what it refuses, so it closes the connection.
    headers = {"Connection": "close"} | ({"X-Idempotency-Key": new_key()} if keyed else {})
    answer = live.acme.send("POST", IDEACLOUDS, body, headers=headers)
    assert error_of(answer) == (400, "validation_failed")
