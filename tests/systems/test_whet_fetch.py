"""What a fetch without a key is: the first of its pair, or what that made."""

from __future__ import annotations

import uuid
from functools import partial

import httpx
import pytest

from tests.systems.live import Caller, Live, answered, at_once, new_key, on_every_database
from tests.systems.whet import NOTE, Body, assert_refused


def page() -> Body:
    """A page that nothing else fetches."""
    return {"url": f"https://example.com/{uuid.uuid4()}", "intent": "Summarise."}


def fetched(caller: Caller, body: Body, *, query: str = "", fault: str | None = None) -> str:
    """Fetch without a key, and tell the artifact."""
    response = caller.send("POST", f"/whet/fetch{query}", body, fault=fault)
    assert response.status_code == 201, response.text
    assert "Idempotent-Replayed" not in response.headers
    return str(response.json()["artifact_id"])


def test_repeated_pair(live: Live) -> None:
    """SYSTEMS: "without a key, a repeated (url, intent) pair of the organization returns the same artifact"."""
    body = page()
    before = live.acme.count("/whet/artifacts")

    first = fetched(live.acme, body)

    padded = {**body, "intent": f" {body['intent']} "}
    for again in (body, {**body, **NOTE}, padded):
        assert fetched(live.acme, again) == first
    assert fetched(live.acme, body, query="?trace=1") == first
    assert fetched(live.caller("acme-key-2"), body, fault="fail-before") == first
    assert live.acme.count("/whet/artifacts") == before + 1
    assert fetched(live.globex, body) != first


def test_other_pairs(live: Live) -> None:
    """SYSTEMS: "a repeated (url, intent) pair": where the URL or the intent differs, by a letter, none is repeated."""
    body = page()
    other_urls = [{**body, "url": f"{body['url']}/{letter}"} for letter in "Aaä"]
    bodies = [body, {**body, "intent": "summarise."}, {**body, "intent": "Summarise. Now."}, *other_urls]

    artifacts = [fetched(live.acme, each) for each in bodies]

    assert len(set(artifacts)) == len(bodies)
    assert [fetched(live.acme, each) for each in bodies] == artifacts


def test_pair_fetched_under_keys(live: Live) -> None:
    """Seed: "optional — repeat (url, intent) pairs hit the response cache anyway"; each key is one fetch."""
    body = page()

    under_keys = [
        live.acme.send("POST", "/whet/fetch", {**body, "idempotency_key": new_key()}).json() for _ in range(2)
    ]
    without = live.acme.send("POST", "/whet/fetch", body)
    later = live.acme.send("POST", "/whet/fetch", {**body, "idempotency_key": new_key()}).json()

    assert (without.status_code, without.json()) == (201, under_keys[0])
    assert "Idempotent-Replayed" not in without.headers
    assert len({answer["artifact_id"] for answer in (*under_keys, later)}) == 3
    assert fetched(live.acme, body) == under_keys[0]["artifact_id"]


def test_pair_raced_for(live: Live) -> None:
    """SYSTEMS: "returns the same artifact (201, not marked as a replay)", also when two race for it."""
    body = page()
    before = live.acme.count("/whet/artifacts")

    answers = at_once([partial(live.acme.send, "POST", "/whet/fetch", body, fault="slow=0.3")] * 4)

    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)
    assert live.acme.count("/whet/artifacts") == before + 1


@on_every_database
def test_pair_raced_for_with_other_queries(live: Live) -> None:
    """SYSTEMS: "returns the same artifact", also when those who race for it ask with query strings of their own."""
    body = page()
    before = live.acme.count("/whet/artifacts")

    answers = at_once(
        [
            partial(live.acme.send, "POST", f"/whet/fetch?trace={number}", body, fault="slow=0.3")
            for number in range(4)
        ]
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["artifact_id"] for answer in answers}) == 1
    assert live.acme.count("/whet/artifacts") == before + 1


@pytest.mark.parametrize("fault", ["fail-before", "fail-after", "drop", "kill"])
def test_pair_after_faults(live: Live, fault: str) -> None:
    """SYSTEMS: after any fault a plain retry ends with exactly one effect: without a key, too."""
    body = page()
    before = live.acme.count("/whet/artifacts")

    if fault in ("drop", "kill"):
        with pytest.raises(httpx.TransportError):
            live.acme.send("POST", "/whet/fetch", body, fault=fault)
    else:
        failed = live.acme.send("POST", "/whet/fetch", body, fault=fault)
        assert_refused(failed, 503 if fault == "fail-before" else 500, "demo_fault")
    retry = answered(partial(live.acme.send, "POST", "/whet/fetch", body))

    assert retry.status_code == 201
    assert fetched(live.acme, body) == retry.json()["artifact_id"]
    assert live.acme.count("/whet/artifacts") == before + 1
