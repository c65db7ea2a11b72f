"""The Hog's keys, as its column and its page say: who shares one, what it stands for, and how long."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpx
import pytest

from tests.systems.live import Caller, Live, assert_replay, at_once, new_key

ENRICH, GENERATE, RESEARCH = ENDPOINTS = (
    "/thehog/api/people/enrich",
    "/thehog/api/generate",
    "/thehog/api/deep-research",
)
FIELDS = {ENRICH: "email", GENERATE: "prompt", RESEARCH: "query"}
OPERATIONS, CREDITS = "/thehog/api/operations", "/thehog/api/credits"

each_endpoint = pytest.mark.parametrize("path", ENDPOINTS)


def body_of(path: str, text: str = "ada") -> dict[str, str]:
    """A valid body, a different one for each text."""
    return {FIELDS[path]: f"{text}@example.com"}


def post(
    caller: Caller, path: str, key: str | None, body: Any = None, fault: str | None = None, query: str = ""
) -> httpx.Response:
    """Ask for a job, with a key or without."""
    headers = {} if key is None else {"Idempotency-Key": key}
    body = body_of(path) if body is None else body
    return caller.send("POST", path + query, body, headers=headers, fault=fault)


@contextmanager
def jobs(caller: Caller, expected: int) -> Iterator[None]:
    """Hold what happens meanwhile to so many jobs, and to their price."""
    before = caller.count(OPERATIONS), caller.get(CREDITS)["credits"]
    yield
    after = caller.count(OPERATIONS), caller.get(CREDITS)["credits"]
    assert after == (before[0] + expected, before[1] - expected)


def assert_error(response: httpx.Response, status: int, code: str) -> None:
    """Hold a refusal to the system's error body, which is not a replay of anything."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert response.json() == {"error": {"code": code, "message": error["message"]}}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert "Idempotent-Replayed" not in response.headers


@each_endpoint
def test_a_retry_gets_the_existing_job(live: Live, path: str) -> None:
    """Seed: "operationId, same pollUrl — without creating a new job or charging additional credits." """
    key = str(uuid.uuid4())
    with jobs(live.acme, 1):
        first = post(live.acme, path, key)
        retries = [post(live.acme, path, key) for _ in range(2)]
    assert first.status_code == 202
    for retry in retries:
        assert_replay(retry, first)
        # SYSTEMS: "Every response carries X-Request-Id, fresh for each request"; The Hog replays none.
        assert retry.headers["X-Request-Id"] != first.headers["X-Request-Id"]


@each_endpoint
def test_without_a_key_each_post_is_a_job(live: Live, path: str) -> None:
    """SYSTEMS: required: no; "without a key each POST is a new operation"."""
    with jobs(live.acme, 2):
        answers = [post(live.acme, path, None) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json()["operationId"] != answers[1].json()["operationId"]
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


@each_endpoint
def test_concurrent_duplicates_are_one_job(live: Live, path: str) -> None:
    """SYSTEMS: in flight: "bounded wait (10 s), then the replay" for each of many duplicates."""
    key = new_key()
    with jobs(live.acme, 1):
        answers = at_once([partial(post, live.acme, path, key, fault="slow=0.3")] * 5)
    (first,) = (answer for answer in answers if "Idempotent-Replayed" not in answer.headers)
    for answer in answers:
        if answer is not first:
            assert_replay(answer, first)


def test_at_least_once_delivery(live: Live) -> None:
    """Seed: "use a stable key derived from your internal job ID to make The Hog calls naturally idempotent." """
    key = f"import-{new_key()}/row 17"
    with jobs(live.acme, 1):
        first = post(live.acme, ENRICH, key)
        for again in at_once([partial(post, live.acme, ENRICH, key)] * 4):
            assert_replay(again, first)


@each_endpoint
def test_another_body_gets_the_first_result(live: Live, path: str) -> None:
    """Seed: "reuse the same key for genuinely different requests, the second request will return the result of the first one." """
    key = new_key()
    with jobs(live.acme, 1):
        first = post(live.acme, path, key)
        others: list[Any] = [
            body_of(path, "grace"),
            {**body_of(path), "more": 1},
            {},
            {FIELDS[path]: None},
            [],
        ]
        for other in others:
            assert_replay(post(live.acme, path, key, other), first)


@each_endpoint
def test_another_query_gets_the_first_result(live: Live, path: str) -> None:
    """SYSTEMS: same key, other path argument or query: "as another body"."""
    key = new_key()
    with jobs(live.acme, 1):
        first = post(live.acme, path, key, query="?trace=1")
        assert_replay(post(live.acme, path, key, query="?trace=2"), first)
        assert_replay(post(live.acme, path, key), first)


def test_another_body_meanwhile_waits_and_gets_the_first_result(live: Live) -> None:
    """SYSTEMS: "Another body while the original runs waits as an equal one does, then gets its mismatch answer." """
    key = new_key()
    bodies = [body_of(GENERATE, text) for text in ("one", "two", "three")]
    with jobs(live.acme, 1):
        answers = at_once([partial(post, live.acme, GENERATE, key, body, "slow=0.3") for body in bodies])
    (winner,) = (place for place, each in enumerate(answers) if "Idempotent-Replayed" not in each.headers)
    for place in {0, 1, 2} - {winner}:
        assert_replay(answers[place], answers[winner])
    done = live.acme.get(answers[winner].json()["pollUrl"])
    assert done["prompt"] == bodies[winner]["prompt"]


def test_the_same_body_in_another_spelling(live: Live) -> None:
    """SYSTEMS: "JSON with other white space or member order is the same body." """
    key = new_key()
    with jobs(live.acme, 1):
        first = post(live.acme, ENRICH, key, b'{"email":"ada@example.com","note":"x"}')
        again = post(live.acme, ENRICH, key, b' {\n "note" : "x",\t"email": "ada@example.com" } ')
    assert_replay(again, first)


@each_endpoint
def test_two_organizations_may_use_the_same_key(live: Live, path: str) -> None:
    """Seed: "Two different organizations that happen to use the same key value are treated as completely independent requests"."""
    key = new_key()
    with jobs(live.acme, 1), jobs(live.globex, 1):
        answers = [post(caller, path, key) for caller in (live.acme, live.globex)]
    assert answers[0].json()["operationId"] != answers[1].json()["operationId"]
    for caller, first in zip((live.acme, live.globex), answers, strict=True):
        assert_replay(post(caller, path, key), first)


def test_all_api_keys_of_an_organization_share(live: Live) -> None:
    """Seed: "Idempotency keys are scoped per organization." A retry may come from another server of it."""
    key = new_key()
    other = live.caller("acme-key-2")
    with jobs(live.acme, 1):
        first = post(live.acme, GENERATE, key)
        assert_replay(post(other, GENERATE, key), first)


def test_each_endpoint_has_its_own_keys(live: Live) -> None:
    """SYSTEMS: scope: "organization + endpoint"."""
    key = new_key()
    with jobs(live.acme, 3):
        answers = [
            post(live.acme, path, key, body_of(GENERATE) | body_of(ENRICH) | body_of(RESEARCH))
            for path in ENDPOINTS
        ]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize(
    "key", ["~", '"', "k" * 255, '"quoted"', "two  words", "!#$%&'()*+-./:;<=>?@[]^_`{|}~\\"]
)
def test_a_key_is_taken_literally(live: Live, key: str) -> None:
    """SYSTEMS: "The header is taken literally, quotes included; 0x21-0x7E and inner spaces are allowed"; length 1-255."""
    key = key if len(key) in {1, 255} else key + new_key()
    with jobs(live.acme, 1):
        first = post(live.acme, GENERATE, key)
        assert first.status_code == 202
        assert_replay(post(live.acme, GENERATE, key), first)


def test_quotes_are_a_part_of_the_key(live: Live) -> None:
    """SYSTEMS: "The header is taken literally, quotes included": `"k"` is not `k`, and `K` is neither."""
    key = f"key-{new_key()}"
    with jobs(live.acme, 3):
        for each in (key, f'"{key}"', key.upper()):
            assert post(live.acme, GENERATE, each).status_code == 202


def send_raw(live: Live, *values: bytes) -> tuple[int, Any]:
    """Send a POST with these lines of Idempotency-Key, to the byte."""
    connection = http.client.HTTPConnection(httpx.URL(live.url).netloc.decode(), timeout=20)
    try:
        connection.putrequest("POST", GENERATE)
        content = json.dumps(body_of(GENERATE)).encode()
        headers = {"X-API-Key": "acme-key-1", "Content-Type": "application/json"}
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        for line in values:
            connection.putheader("Idempotency-Key", line)
        connection.endheaders(content)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    "lines",
    [
        [b""],
        [b"   "],
        [b"k" * 256],
        [b"one,two"],
        [b"one", b"two"],
        [b"same", b"same"],
        ["cl\u00e9".encode()],
        ["cl\u00e9".encode("latin-1")],
    ],
    ids=["empty", "blank", "too long", "comma", "two lines", "the same line twice", "UTF-8", "Latin-1"],
)
def test_a_bad_key_is_refused(live: Live, lines: list[bytes]) -> None:
    """SYSTEMS: bad key: "400 invalid_idempotency_key"; a comma, an empty, a blank and a non-ASCII one are."""
    with jobs(live.acme, 0):
        status, answer = send_raw(live, *lines)
    assert status == 400
    assert answer["error"].keys() == {"code", "message"}
    assert answer["error"]["code"] == "invalid_idempotency_key"


def test_what_is_no_key_here(live: Live) -> None:
    """SYSTEMS: "Another system's header means nothing"; neither does Whet's member of the body."""
    key = new_key()
    with jobs(live.acme, 2):
        for _ in range(2):
            body = {**body_of(GENERATE), "idempotency_key": key}
            answer = live.acme.send("POST", GENERATE, body, headers={"X-Idempotency-Key": key})
            assert answer.status_code == 202
            assert "Idempotent-Replayed" not in answer.headers


def test_a_key_lives_for_24_hours(live: Live) -> None:
    """SYSTEMS: lives: "24 h"; after it the key is a new request's, and lives as long again."""
    key = new_key()
    with jobs(live.acme, 2):
        first = post(live.acme, GENERATE, key)
        live.manage("age_demo", "23")
        assert_replay(post(live.acme, GENERATE, key), first)
        live.manage("age_demo", "2")
        second = post(live.acme, GENERATE, key)
        assert second.json()["operationId"] != first.json()["operationId"]
        assert_replay(post(live.acme, GENERATE, key), second)


@pytest.mark.databases("postgresql")
def test_a_duplicate_does_not_wait_for_ever(live: Live) -> None:
    """SYSTEMS: in flight: "bounded wait (10 s) ...; past it 503 + `Retry-After`, never 409", another body alike."""
    key = new_key()
    bodies = [body_of(GENERATE, "one"), body_of(GENERATE, "one"), body_of(GENERATE, "two")]
    with jobs(live.acme, 1):
        answers = at_once([partial(post, live.acme, GENERATE, key, body, "slow=11.5") for body in bodies])
        (first,) = (answer for answer in answers if answer.status_code == 202)
        for answer in answers:
            if answer is not first:
                assert_error(answer, 503, "idempotency_in_progress")
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.elapsed.total_seconds() >= 9.5
            assert_replay(post(live.acme, GENERATE, key), first)
