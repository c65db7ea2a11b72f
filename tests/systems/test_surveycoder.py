"""SurveyCoder's keys: whose they are, what they stand for and how long, as its column and its page say."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.systems.live import Live, assert_replay, at_once, new_key
from tests.systems.surveycoder import (
    CODE,
    CREDITS,
    POSTS,
    PROJECTS,
    QUESTIONS,
    WEBHOOKS,
    after,
    assert_reused,
    body_of,
    every_post,
    made,
    post,
    raw_post,
    refusal,
    tally,
)

PRINTABLE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != ",")

# Each is the value of a header, or of several.
BAD_KEYS = (
    *([b""], [b"  "], [b"a,b"], [b"a", b"b"], [b"a", b"a"]),
    *(["ü".encode()], [b"\xfc"], [b"a\tb"], [b"k" * 256]),
)


@every_post
def test_a_retry_gets_the_first_answer(live: Live, path: str) -> None:
    """Seed: "Replaying the exact same request returns the cached response — same status code, same body, same request_id.\""""
    key, body = new_key(), body_of(live.acme, path)
    before = tally(live.acme, path)

    first = post(live.acme, path, body, key)
    made(first)
    for _ in range(2):
        assert_replay(post(live.acme, path, body, key), first, "X-Request-Id")
    assert tally(live.acme, path) == after(before, path)


@every_post
def test_duplicates_at_once_wait_for_the_first_answer(live: Live, path: str) -> None:
    """SYSTEMS: "bounded wait (10 s), then the replay"."""
    key, body = new_key(), body_of(live.acme, path)
    before = tally(live.acme, path)

    answers = at_once([partial(post, live.acme, path, body, key, fault="slow=0.2")] * 5)

    [first] = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    made(first)
    for answer in answers:
        if answer is not first:
            assert_replay(answer, first, "X-Request-Id")
    assert tally(live.acme, path) == after(before, path)


@pytest.mark.databases("postgresql")
def test_after_ten_seconds_a_duplicate_is_told_to_come_back(live: Live) -> None:
    """SYSTEMS: "past it 409 idempotency_in_progress + Retry-After", in capitals, and for whatever has the same key."""
    key = new_key()
    sends = [
        partial(post, live.acme, path, body_of(live.acme, path, number), key)
        for path, number in ((PROJECTS, 1), (PROJECTS, 1), (PROJECTS, 2), (WEBHOOKS, 1))
    ]
    before = live.acme.count(PROJECTS) + live.acme.count(WEBHOOKS)

    # Whichever comes first works longer than the others wait.
    answers = at_once([partial(send, fault="slow=11.5") for send in sends])

    [first] = [answer for answer in answers if answer.status_code == 201]
    for answer in answers:
        if answer is not first:
            assert refusal(answer) == (409, "IDEMPOTENCY_IN_PROGRESS")
            assert int(answer.headers["Retry-After"]) >= 1
            assert 9.5 < answer.elapsed.total_seconds() < 11.5
    assert live.acme.count(PROJECTS) + live.acme.count(WEBHOOKS) == before + 1
    for send, answer in zip(sends, answers, strict=True):
        same = (answer.request.url, answer.request.content) == (first.request.url, first.request.content)
        assert_replay(send(), first, "X-Request-Id") if same else assert_reused(send())


@pytest.mark.parametrize("other", [CODE, WEBHOOKS], ids=["other body", "other endpoint"])
def test_another_request_meanwhile_waits_and_is_refused(live: Live, other: str) -> None:
    """SYSTEMS: "Another body while the original runs waits as an equal one does, then gets its mismatch answer"."""
    key, before = new_key(), {path: tally(live.acme, path) for path in (CODE, WEBHOOKS)}

    answers = at_once(
        partial(post, live.acme, path, body_of(live.acme, path, number), key, fault="slow=0.3")
        for number, path in enumerate((CODE, other))
    )

    first, second = sorted(answers, key=lambda answer: answer.status_code)
    made(first)
    assert_reused(second)
    path = first.request.url.path
    assert tally(live.acme, path) == after(before[path], path)
    assert sum(live.acme.count(each) for each in before) == sum(count for count, _ in before.values()) + 1


@every_post
def test_without_a_key_each_post_is_new(live: Live, path: str) -> None:
    """Seed: "A retry without an idempotency key can re-charge credits." SYSTEMS: "each POST is a new operation"."""
    body = body_of(live.acme, path)
    before = tally(live.acme, path)

    assert made(post(live.acme, path, body)) != made(post(live.acme, path, body))

    assert tally(live.acme, path) == after(before, path, times=2)


@every_post
@pytest.mark.parametrize("token", ["acme-key-2", "globex-key-1"])
def test_two_api_keys_use_the_same_key(live: Live, path: str, token: str) -> None:
    """Seed: "Keys are scoped per API key, not per org. Two keys can use the same idempotency key without conflict.\""""
    key, callers = new_key(), (live.acme, live.caller(token))
    # Other bodies as well: what one API key sent is nothing to the other.
    bodies = [body_of(caller, path, number) for number, caller in enumerate(callers)]
    before = [tally(caller, path) for caller in callers]

    answers = at_once(
        partial(post, caller, path, body, key, fault="slow=0.1")
        for caller, body in zip(callers, bodies, strict=True)
    )

    assert made(answers[0]) != made(answers[1])
    # Two API keys of one organization see each other's.
    times = 2 if token.startswith("acme") else 1
    assert [tally(caller, path) for caller in callers] == [after(each, path, times) for each in before]
    for caller, body, answer in zip(callers, bodies, answers, strict=True):
        assert_replay(post(caller, path, body, key), answer, "X-Request-Id")


def test_an_api_key_is_the_same_in_either_header(live: Live) -> None:
    """SYSTEMS: a token is accepted "as Authorization: Bearer TOKEN and as X-API-Key: TOKEN": one caller, one scope."""
    key, body = new_key(), body_of(live.acme, CODE)

    first = post(live.acme, CODE, body, key)
    retry = post(live.caller(None), CODE, body, key, headers={"x-api-key": "acme-key-1"})

    made(first)
    assert_replay(retry, first, "X-Request-Id")


@every_post
def test_a_key_with_another_body_or_query_is_refused(live: Live, path: str) -> None:
    """Seed: "The request body must match the original." SYSTEMS: "same key, other path argument or query: 400"."""
    key, body, other = new_key(), body_of(live.acme, path), body_of(live.acme, path, 2)
    target = f"{path}?draft=1"
    first = post(live.acme, target, body, key)
    before = tally(live.acme, path)

    # A body that is invalid is another one, too, and so is none.
    for different in (other, {}, None):
        assert_reused(post(live.acme, target, different, key))
    for elsewhere in (path, f"{path}?draft=2", f"{path}?draft=1&draft=1"):
        assert_reused(post(live.acme, elsewhere, body, key))

    assert tally(live.acme, path) == before
    assert_replay(post(live.acme, target, body, key), first, "X-Request-Id")


@every_post
def test_a_key_at_another_endpoint_is_refused(live: Live, path: str) -> None:
    """SYSTEMS: "API key, all endpoints together"; "400 VALIDATION_ERROR (also: another endpoint)"."""
    key = new_key()
    # Valid everywhere, so the endpoint is all that differs.
    body = {name: value for each in POSTS for name, value in body_of(live.acme, each).items()}
    first = post(live.acme, path, body, key)
    made(first)
    before = [tally(live.acme, each) for each in POSTS]

    for other in set(POSTS) - {path}:
        assert_reused(post(live.acme, other, body, key))

    assert [tally(live.acme, each) for each in POSTS] == before
    assert_replay(post(live.acme, path, body, key), first, "X-Request-Id")


def test_a_reused_key_is_refused_before_the_project_is_looked_up(live: Live) -> None:
    """SYSTEMS: "The path is compared before the object is looked up"; here it is the body that names an object."""
    key = new_key()
    made(post(live.acme, PROJECTS, body_of(live.acme, PROJECTS), key))

    assert_reused(post(live.acme, QUESTIONS, {"project": "prj_unknown", "text": "Why?"}, key))


@every_post
def test_white_space_and_order_do_not_matter(live: Live, path: str) -> None:
    """SYSTEMS: "JSON with other white space or member order is the same body"."""
    key, body = new_key(), {**body_of(live.acme, path), "note": {"a": 1, "b": [1, 2]}}
    turned = {**dict(reversed(body.items())), "note": {"b": [1, 2], "a": 1}}

    first = post(live.acme, path, body, key)
    retry = post(live.acme, path, json.dumps(turned, indent=3).encode(), key)

    made(first)
    assert_replay(retry, first, "X-Request-Id")
    # The order of a list does matter.
    assert_reused(post(live.acme, path, {**body, "note": {"a": 1, "b": [2, 1]}}, key))


def test_a_key_lives_for_a_day(live: Live) -> None:
    """Seed: "Keys expire after 24 hours. A 25-hour-later retry creates a new request.\""""
    sends = {path: partial(post, live.acme, path, body_of(live.acme, path), new_key()) for path in POSTS}
    firsts = {path: send() for path, send in sends.items()}

    live.manage("age_demo", "23")
    for path, send in sends.items():
        assert_replay(send(), firsts[path], "X-Request-Id")
    live.manage("age_demo", "2")
    for path, send in sends.items():
        before = tally(live.acme, path)
        assert made(send()) != made(firsts[path])
        assert tally(live.acme, path) == after(before, path)


@pytest.mark.parametrize(
    "key", ["7", "k" * 255, PRINTABLE, "two words", '"'], ids=["1", "255", "printable", "space", "quote"]
)
def test_a_key_may_be_any_printable_text(live: Live, key: str) -> None:
    """SYSTEMS: "length 1-255"; "0x21-0x7E and inner spaces are allowed"."""
    body = body_of(live.acme, PROJECTS)

    first = post(live.acme, PROJECTS, body, key)
    made(first)
    assert_replay(post(live.acme, PROJECTS, body, key), first, "X-Request-Id")


def test_a_key_is_taken_literally(live: Live) -> None:
    """SYSTEMS: "The header is taken literally, quotes included"."""
    key, body = f"x{new_key()}", body_of(live.acme, PROJECTS)
    spellings = (key, f'"{key}"', f"{key[:16]} {key[16:]}", key.upper(), f"{key};")

    assert len({made(post(live.acme, PROJECTS, body, each)) for each in spellings}) == len(spellings)


@every_post
def test_a_bad_key_is_refused(live: Live, path: str) -> None:
    """SYSTEMS: "bad key: 400 VALIDATION_ERROR"; "a comma is 400 …, as are an empty, blank or non-ASCII one"."""
    body = body_of(live.acme, path)
    before = tally(live.acme, path)

    for keys in BAD_KEYS:
        assert refusal(raw_post(live, path, body, keys)) == (400, "VALIDATION_ERROR"), keys

    assert tally(live.acme, path) == before


def test_only_its_own_header_is_a_key(live: Live) -> None:
    """SYSTEMS: "Another system's header means nothing"."""
    foreign = new_key()
    body = {**body_of(live.acme, CODE), "idempotency_key": foreign}
    send = partial(post, live.acme, CODE, body, headers={"X-Idempotency-Key": foreign})

    assert made(send()) != made(send())


@pytest.mark.parametrize("good", [True, False], ids=["used key", "bad key"])
def test_only_post_looks_at_the_key(live: Live, good: bool) -> None:
    """Seed: "You don't need an idempotency key on GET requests or on DELETE requests". SYSTEMS: they "ignore the key"."""
    key = new_key()
    item = f"{PROJECTS}/{made(post(live.acme, PROJECTS, body_of(live.acme, PROJECTS), key))}"
    headers = {"Idempotency-Key": key if good else "a,b"}

    for path in (*POSTS, item, CREDITS):
        answer = live.acme.send("GET", path, headers=headers)
        assert answer.status_code == 200
        assert answer.json() == live.acme.get(path)
        assert "Idempotent-Replayed" not in answer.headers
    for method in ("PATCH", "DELETE"):
        answer = live.acme.send(method, item, {"name": "Other"}, headers=headers)
        assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")
