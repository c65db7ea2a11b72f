"""Whet's keys in time: while the first request runs, when it fails, and after what it made is gone."""

from __future__ import annotations

from functools import partial

import httpx
import pytest

from tests.systems.live import Live, answered, assert_replay, at_once, new_key
from tests.systems.whet import ENDPOINTS, INTENT, Make, assert_refused, draft, from_intent, made, on, publish


@on(*ENDPOINTS)
def test_in_flight(live: Live, make: Make) -> None:
    """
    Seed: "Same key + original still running: The call returns the original's run_id".

    SYSTEMS: "Another body while the original runs waits as an equal one does, then gets its mismatch answer".
    """
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    bodies = [endpoint.body] * 4 + [endpoint.other] * 2
    refused = [] if endpoint.invalid is None else [endpoint.invalid]
    answers = at_once(partial(endpoint.send, key, body, fault="slow=0.5") for body in bodies + refused)

    for answer in answers[6:]:
        assert_refused(answer, 400, "validation_failed")
    first, *replays = sorted(answers[:6], key=lambda answer: "Idempotent-Replayed" in answer.headers)
    assert first.status_code == 201
    for replay in replays:
        assert_replay(replay, first)
    assert endpoint.count() == before + 1


@pytest.mark.databases("postgresql")
def test_past_the_wait(live: Live) -> None:
    """SYSTEMS: "past it 503 + Retry-After, never 409"; Seed: "Poll that run; do not generate a new key"."""
    endpoints = [(make(live.acme), new_key()) for make in ENDPOINTS]
    before = [endpoint.count() for endpoint, _ in endpoints[:4]]

    answers = at_once(
        partial(endpoint.send, key, body, fault="slow=11.5")
        for endpoint, key in endpoints
        for body in (None, endpoint.other)
    )

    for (endpoint, key), pair in zip(endpoints, zip(answers[::2], answers[1::2], strict=True), strict=True):
        first, late = sorted(pair, key=lambda answer: answer.status_code)
        assert first.status_code == 201
        assert_refused(late, 503, "idempotency_in_progress")
        assert int(late.headers["Retry-After"]) >= 1
        assert_replay(endpoint.send(key), first)
    assert [endpoint.count() for endpoint, _ in endpoints[:4]] == [count + 1 for count in before]


@on(*ENDPOINTS)
@pytest.mark.parametrize("fault", ["fail-before", "fail-after", "drop", "kill", "slow=0.1"])
def test_faults(live: Live, make: Make, fault: str) -> None:
    """SYSTEMS: "After any of them a plain retry with the same key ends with exactly one effect"."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    if fault in ("drop", "kill"):
        with pytest.raises(httpx.TransportError):
            endpoint.send(key, fault=fault)
    elif fault.startswith("fail"):
        assert_refused(endpoint.send(key, fault=fault), 503 if fault == "fail-before" else 500, "demo_fault")
    else:
        slow = endpoint.send(key, fault=fault)
        assert slow.status_code == 201
        assert slow.elapsed.total_seconds() >= 0.1
    retry = answered(partial(endpoint.send, key))

    assert retry.status_code == 201
    stored = fault in ("drop", "slow=0.1")
    assert ("Idempotent-Replayed" in retry.headers) is stored
    # A replay ignores the fault.
    again = endpoint.send(key, fault="fail-before")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (retry.content, "true")
    assert endpoint.count() == before + 1


@on(*ENDPOINTS)
def test_unknown_fault(live: Live, make: Make) -> None:
    """SYSTEMS: "an unknown value is 400 [...] with code demo_fault"; it stores nothing."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    for fault in ("flood", "slow=soon"):
        assert_refused(endpoint.send(key, fault=fault), 400, "demo_fault")

    assert "Idempotent-Replayed" not in endpoint.send(key).headers
    assert endpoint.count() == before + 1


def test_lives_as_long_as_the_resource(live: Live) -> None:
    """Seed: "replays after the resource is deleted return 404 not_found, not a cached body"; and not before."""
    endpoints = [(make(live.acme), new_key()) for make in ENDPOINTS]
    firsts = [endpoint.send(key) for endpoint, key in endpoints]

    live.manage("age_demo", "25")

    for (endpoint, key), first in zip(endpoints, firsts, strict=True):
        assert_replay(endpoint.send(key), first)


def test_updated_artifact(live: Live) -> None:
    """SYSTEMS: "A replay has the same status, body bytes", also once what it tells of has changed."""
    drafting, key = draft(live.acme), new_key()
    first = drafting.send(key)
    artifact = f"/whet/artifacts/{first.json()['artifact_id']}"

    live.acme.send("POST", f"{artifact}/publish", {"idempotency_key": key})

    assert (first.json()["status"], live.acme.get(artifact)["status"]) == ("draft", "published")
    assert_replay(drafting.send(key), first)


def test_deleted_pipeline(live: Live) -> None:
    """SYSTEMS: "its posts and artifacts go with it, and the replays of their keys are 404 not_found too"."""
    start, key = from_intent(live.acme), new_key()
    pipeline = f"/whet/pipelines/{start.send(key).json()['pipeline_id']}"
    (post,) = live.acme.get(pipeline)["posts"]
    drafted = live.acme.send("POST", f"/whet/posts/{post['post_id']}/draft", {"idempotency_key": key})
    artifact = f"/whet/artifacts/{drafted.json()['artifact_id']}"
    published = live.acme.send("POST", f"{artifact}/publish", {"idempotency_key": key})
    assert (drafted.status_code, published.status_code) == (201, 201)
    survivor, survivors_key = draft(live.acme), new_key()
    kept = survivor.send(survivors_key)

    assert live.acme.send("DELETE", pipeline).status_code == 204

    counts = [live.acme.count(path) for path in ("/whet/pipelines", "/whet/artifacts")]
    paths = (start.path, f"/whet/posts/{post['post_id']}/draft", f"{artifact}/publish")
    for path in paths:
        for _ in range(2):
            assert_refused(live.acme.send("POST", path, {**INTENT, "idempotency_key": key}), 404, "not_found")
    assert_refused(start.send(key, start.other), 404, "not_found")
    for path in paths[1:]:
        assert_refused(live.acme.send("POST", path, {"idempotency_key": new_key()}), 404, "not_found")
    for path in (pipeline, f"{pipeline}/inbox", artifact):
        assert_refused(live.acme.send("GET", path), 404, "not_found")
    assert_refused(live.acme.send("DELETE", pipeline), 404, "not_found")
    assert [live.acme.count(path) for path in ("/whet/pipelines", "/whet/artifacts")] == counts
    assert_replay(survivor.send(survivors_key), kept)


@on(draft, publish)
def test_deleted_meanwhile(live: Live, make: Make) -> None:
    """SYSTEMS: "its posts and artifacts go with it": also what is being made of them at the same moment."""
    endpoint, key = make(live.acme), new_key()

    answers = at_once(
        [
            partial(endpoint.send, key, fault="slow=0.5"),
            partial(live.acme.send, "DELETE", endpoint.pipeline),
        ]
    )

    assert answers[0].status_code in (201, 404)
    assert answers[1].status_code == 204
    assert_refused(endpoint.send(key), 404, "not_found")


def test_reads_and_deletions_ignore_the_field(live: Live) -> None:
    """Seed: "Read-only endpoints [...] ignore the field"; "It does not apply to GET, PATCH, or DELETE"."""
    start, key = from_intent(live.acme), new_key()
    pipeline = f"/whet/pipelines/{made(start)['pipeline_id']}"

    for sent in ({"idempotency_key": key}, {"idempotency_key": "short"}):
        for path in ("/whet/pipelines", pipeline, f"{pipeline}/inbox", "/whet/artifacts", "/whet/accounts"):
            read = live.acme.send("GET", path, sent)
            assert (read.status_code, read.headers.get("Idempotent-Replayed")) == (200, None)
        assert_refused(live.acme.send("PATCH", pipeline, sent), 405, "method_not_allowed")
    for status in (204, 404):
        assert live.acme.send("DELETE", pipeline, {"idempotency_key": key}).status_code == status
    # None of them has used up the key.
    assert "Idempotent-Replayed" not in start.send(key).headers
