"""What SurveyCoder's endpoints take, make, cost and show."""

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
    body_of,
    credits_of,
    every_post,
    leave,
    made,
    post,
    refusal,
    tally,
)

FIELDS = {
    CODE: {"question", "responses", "codes", "credits_charged"},
    PROJECTS: {"name"},
    QUESTIONS: {"project", "text"},
    WEBHOOKS: {"url"},
}


def coding(*responses: str) -> dict[str, object]:
    return {"question": "How was it?", "responses": list(responses)}


def test_the_example_of_the_page(live: Live) -> None:
    """Seed: the request that the page shows with curl, to the letter."""
    headers = {
        "x-api-key": "acme-key-2",
        "Idempotency-Key": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "Content-Type": "application/json",
    }

    answers = [
        live.caller(None).send("POST", CODE, b'{ "question": "...", "responses": ["..."] }', headers=headers)
        for _ in range(2)
    ]

    made(answers[0])
    assert answers[0].json()["credits_charged"] == len(answers[0].json()["codes"]) == 1
    assert_replay(answers[1], answers[0], "X-Request-Id")


@every_post
def test_what_is_made_can_be_seen(live: Live, path: str) -> None:
    """SYSTEMS: "lists for all four"; "an item looks like its detail and repeats the fields that were sent"."""
    body = body_of(live.acme, path)
    response = post(live.acme, path, {**body, "unknown": 1}, new_key())

    identifier, shown = made(response), response.json()
    assert isinstance(shown["id"], str)
    # SYSTEMS: "Unknown fields are ignored."
    assert set(shown) == {"id", "request_id", "created_at", *FIELDS[path]}
    assert {name: shown[name] for name in body} == body
    assert response.headers["Location"] == f"{path}/{identifier}"
    assert live.acme.get(f"{path}/{identifier}") == shown
    results = live.acme.get(path)["results"]
    assert live.acme.count(path) == len(results)
    assert [result for result in results if result["id"] == identifier] == [shown]


@every_post
def test_nobody_else_sees_it(live: Live, path: str) -> None:
    """SYSTEMS: a collection lists "the organization's own"; "404 not_found"."""
    before = live.globex.get(path)
    identifier = made(post(live.acme, path, body_of(live.acme, path), new_key()))

    assert live.globex.get(path) == before
    for caller, name in ((live.globex, identifier), (live.acme, "unknown")):
        assert refusal(caller.send("GET", f"{path}/{name}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", [*POSTS, CREDITS, f"{PROJECTS}/unknown"])
def test_a_token_is_needed(live: Live, path: str) -> None:
    """SYSTEMS: "401 unauthorized", in capitals."""
    for token in (None, "acme-key-3"):
        assert refusal(live.caller(token).send("GET", path)) == (401, "UNAUTHORIZED")


def test_an_unknown_path_is_not_found(live: Live) -> None:
    """SYSTEMS: "404 not_found", in capitals, in SurveyCoder's own shape."""
    for method in ("GET", "POST"):
        assert refusal(live.acme.send(method, "/surveycoder/v1/surveys")) == (404, "NOT_FOUND")


def test_each_response_has_its_own_request_id(live: Live) -> None:
    """SYSTEMS: "Every response of testproject carries X-Request-Id, fresh for each request"."""
    answers = [live.acme.send("GET", path) for path in (CODE, CODE, CREDITS, f"{CODE}/unknown")]
    answers += [post(live.acme, PROJECTS, body) for body in ({"name": "A"}, {"name": "A"}, {}, {})]

    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)


def test_a_response_costs_a_credit(live: Live) -> None:
    """SYSTEMS: "1 credit a response" → `{"id", "codes", "credits_charged", "request_id"}`, a code for each response."""
    responses = ["The delivery was late", "late, late delivery!", "?!", "Delivery"]
    credits = credits_of(live.acme)

    shown = post(live.acme, CODE, coding(*responses), new_key()).json()
    again = post(live.acme, CODE, coding(*responses), new_key()).json()

    assert shown["codes"] == again["codes"] == ["delivery", "delivery", "other", "delivery"]
    assert shown["credits_charged"] == again["credits_charged"] == 4
    assert credits_of(live.acme) == credits - 8
    # Credits belong to the organization, whichever of its API keys asks.
    assert credits_of(live.caller("acme-key-2")) == credits - 8


@pytest.mark.parametrize("path", [PROJECTS, QUESTIONS, WEBHOOKS])
def test_all_else_is_free(live: Live, path: str) -> None:
    """SYSTEMS: only a response costs a credit."""
    credits = credits_of(live.acme)

    made(post(live.acme, path, body_of(live.acme, path), new_key()))

    assert credits_of(live.acme) == credits


def test_nothing_is_coded_without_credits(live: Live) -> None:
    """SYSTEMS: "402 insufficient_credits", in capitals; "stored: success only", so the same key runs with more credits."""
    leave(live, live.globex, 2)
    key, before = new_key(), live.globex.count(CODE)

    refusals = [refusal(post(live.globex, CODE, coding("a", "b", "c"), key)) for _ in range(2)]

    assert refusals == [(402, "INSUFFICIENT_CREDITS")] * 2
    assert tally(live.globex, CODE) == (before, 2)
    live.manage("seed_demo")
    # SYSTEMS: "seed_demo tops each up to at least 1000".
    assert credits_of(live.globex) == 1000
    made(post(live.globex, CODE, coding("a", "b", "c"), key))
    assert tally(live.globex, CODE) == (before + 1, 997)


def test_the_last_credits_are_spent_once(live: Live) -> None:
    """SYSTEMS: "402 insufficient_credits": four operations at once, and credits for two of them."""
    leave(live, live.globex, 2)
    before = live.globex.count(CODE)

    answers = at_once(
        partial(post, live.globex, CODE, coding("Fine"), new_key(), fault="slow=0.1") for _ in range(4)
    )

    assert sorted(answer.status_code for answer in answers) == [201, 201, 402, 402]
    assert tally(live.globex, CODE) == (before + 2, 0)


def test_credits_of_systems_are_apart(live: Live) -> None:
    """SYSTEMS: credits "in each of The Hog, FirstHand and SurveyCoder, separately"."""
    balance = live.acme.get("/firsthand/v1/billing")

    made(post(live.acme, CODE, coding("Fine"), new_key()))

    assert live.acme.get("/firsthand/v1/billing") == balance


def test_a_question_belongs_to_an_own_project(live: Live) -> None:
    """SYSTEMS: "another organization's project is 404"; nothing is stored, and the same key runs when corrected."""
    foreign = made(post(live.globex, PROJECTS, {"name": "Theirs"}))
    # Made with the organization's other API key.
    own = made(post(live.caller("acme-key-2"), PROJECTS, {"name": "Ours"}))
    key, before = new_key(), live.acme.count(QUESTIONS)

    for project in (foreign, "prj_unknown", "x" * 1000):
        answer = post(live.acme, QUESTIONS, {"project": project, "text": "Why?"}, key)
        assert refusal(answer) == (404, "NOT_FOUND")
    assert live.acme.count(QUESTIONS) == before
    made(post(live.acme, QUESTIONS, {"project": own, "text": "Why?"}, key))
    assert live.acme.count(QUESTIONS) == before + 1


NO_RESPONSES: list[object] = [[], {}, None, "Fine", [""], [None], [["Fine"]], ["nul \0"], ["half \ud800"]]

INVALID: dict[str, list[object]] = {
    CODE: [
        *({"question": "How?"}, {"responses": ["Fine"]}, {"question": "", "responses": ["Fine"]}),
        *({"question": "How?", "responses": responses} for responses in NO_RESPONSES),
    ],
    PROJECTS: [{"name": name} for name in ("", None, ["Ours"], "x" * 201, "nul \0", "half \ud800")],
    QUESTIONS: [
        {"text": "Why?"},
        *({"project": project, "text": "Why?"} for project in ("", None, ["prj"], "nul \0", "half \ud800")),
    ],
    WEBHOOKS: [{"url": url} for url in ("", None, "example.com", "https://", 7)],
}


@every_post
def test_a_refused_body_leaves_the_key_free(live: Live, path: str) -> None:
    """SYSTEMS: "invalid body: 400 VALIDATION_ERROR"; it "stores nothing, and the same key with a corrected request runs"."""
    key, body = new_key(), body_of(live.acme, path)
    before = tally(live.acme, path)

    for bad in (*INVALID[path], {}, [], None, b'{"cut": '):
        for sent in (key, None):
            assert refusal(post(live.acme, path, bad, sent)) == (400, "VALIDATION_ERROR"), bad

    assert tally(live.acme, path) == before
    made(post(live.acme, path, body, key))
    assert tally(live.acme, path) == after(before, path)


@every_post
def test_a_stranger_leaves_the_key_free(live: Live, path: str) -> None:
    """SYSTEMS: a request that fails authentication "stores nothing"; a replay is not for strangers either."""
    key, body = new_key(), body_of(live.acme, path)
    strangers = [live.caller(None), live.caller("acme-key-3")]
    before = tally(live.acme, path)

    assert [refusal(post(each, path, body, key)) for each in strangers] == [(401, "UNAUTHORIZED")] * 2
    assert tally(live.acme, path) == before
    made(post(live.acme, path, body, key))
    assert [refusal(post(each, path, body, key)) for each in strangers] == [(401, "UNAUTHORIZED")] * 2


def test_a_large_answer_is_replayed_too(live: Live) -> None:
    """Seed: "Replaying the exact same request returns the cached response", however much was sent and is repeated."""
    key, body = new_key(), {"question": "é" * 600_000, "responses": ["ü" * 10_000] * 30}
    content = json.dumps(body, ensure_ascii=False).encode()

    first = post(live.acme, CODE, content, key)
    retry = post(live.acme, CODE, content, key)

    made(first)
    assert len(first.content) > 2_000_000
    assert_replay(retry, first, "X-Request-Id")


def test_nobody_is_throttled(live: Live) -> None:
    """SYSTEMS: "No throttling."."""
    assert {live.acme.send("GET", CREDITS).status_code for _ in range(40)} == {200}
