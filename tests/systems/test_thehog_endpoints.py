"""The Hog's jobs, credits and refusals, and what faults leave of them."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import pytest

from tests.systems.live import Live, answered, assert_replay, at_once, new_key
from tests.systems.test_thehog import (
    CREDITS,
    ENDPOINTS,
    ENRICH,
    FIELDS,
    GENERATE,
    OPERATIONS,
    assert_error,
    body_of,
    each_endpoint,
    jobs,
    post,
)

FAULTS = ["fail-before", "fail-after", "drop", "kill", "slow=0.3"]


@each_endpoint
def test_a_job_is_accepted(live: Live, path: str) -> None:
    """SYSTEMS: "each accepted job costs 1 credit"; POST "→ 202 `{"operationId", "status": "queued", "pollUrl", "creditsCharged": 1}`"."""
    with jobs(live.acme, 1):
        accepted = post(live.acme, path, new_key())
    receipt = accepted.json()
    assert accepted.status_code == 202
    assert receipt == {
        "operationId": receipt["operationId"],
        "status": "queued",
        "pollUrl": receipt["pollUrl"],
        "creditsCharged": 1,
    }
    assert isinstance(receipt["operationId"], str)
    assert receipt["pollUrl"].startswith("/thehog/")
    assert accepted.headers["Location"] == receipt["pollUrl"]
    assert accepted.headers["Content-Type"] == "application/json"
    assert accepted.headers["X-Request-Id"]


@each_endpoint
def test_a_job_is_done(live: Live, path: str) -> None:
    """SYSTEMS: "`pollUrl` is a path; `GET` on it → `{"operationId", "status", "result"}`", "in process when no broker is configured"."""
    receipt = post(live.acme, path, new_key(), {**body_of(path), "ignored": 1}).json()
    done = live.acme.get(receipt["pollUrl"])
    assert (done["operationId"], done["status"]) == (receipt["operationId"], "succeeded")
    assert done["result"]
    assert done["runs"] == 1
    # "an item looks like its detail and repeats the fields that were sent"; "Unknown fields are ignored."
    assert done[FIELDS[path]] == body_of(path)[FIELDS[path]]
    assert "ignored" not in done
    (listed,) = (
        item for item in live.acme.get(OPERATIONS)["results"] if item["operationId"] == receipt["operationId"]
    )
    assert listed == done


@each_endpoint
def test_the_same_question_has_the_same_answer(live: Live, path: str) -> None:
    """SYSTEMS: the result is of the work, not of the moment: two jobs of one body have one result."""
    receipts = [post(live.acme, path, None).json() for _ in range(2)]
    results = [live.acme.get(receipt["pollUrl"])["result"] for receipt in receipts]
    assert results[0] == results[1]
    other = post(live.acme, path, None, body_of(path, "grace.hopper")).json()
    assert live.acme.get(other["pollUrl"])["result"] != results[0]


@each_endpoint
@pytest.mark.parametrize("wrong", [{}, "", None, ["text"], {"a": 1}], ids=repr)
def test_an_invalid_body(live: Live, path: str, wrong: Any) -> None:
    """SYSTEMS: invalid body: "400 `validation_failed`"; it "stores nothing, and the same key with a corrected request runs"."""
    key = new_key()
    body = {} if wrong == {} else {FIELDS[path]: wrong}
    with jobs(live.acme, 0):
        for _ in range(2):
            assert_error(post(live.acme, path, key, body), 400, "validation_failed")
        assert_error(post(live.acme, path, None, body), 400, "validation_failed")
    with jobs(live.acme, 1):
        first = post(live.acme, path, key)
        assert first.status_code == 202
        assert_replay(post(live.acme, path, key), first)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b'{"email": "nobody"}'])
def test_a_body_of_another_kind(live: Live, content: bytes) -> None:
    """SYSTEMS: invalid body: "400 `validation_failed`", with a key and without."""
    with jobs(live.acme, 0):
        for key in (new_key(), None):
            assert_error(post(live.acme, ENRICH, key, content), 400, "validation_failed")


def test_a_body_too_deep_to_read(live: Live) -> None:
    """SYSTEMS: invalid body: "400 `validation_failed`", however it is invalid."""
    with jobs(live.acme, 0):
        assert_error(post(live.acme, ENRICH, new_key(), b"[" * 3000), 400, "validation_failed")


@each_endpoint
def test_a_request_without_a_caller(live: Live, path: str) -> None:
    """SYSTEMS: "401 `unauthorized`"; "a request that fails authentication ... stores nothing"."""
    key = new_key()
    with jobs(live.acme, 1):
        for token in (None, "nobody's"):
            assert_error(post(live.caller(token), path, key), 401, "unauthorized")
        first = post(live.acme, path, key)
        assert "Idempotent-Replayed" not in first.headers
        # It runs "before every replay", too.
        assert_error(post(live.caller("nobody's"), path, key), 401, "unauthorized")


def test_reading_without_a_caller(live: Live) -> None:
    """SYSTEMS: "401 `unauthorized`", on lists, counters and details alike."""
    poll = post(live.acme, GENERATE, None).json()["pollUrl"]
    for path in (OPERATIONS, CREDITS, poll):
        assert_error(live.caller(None).send("GET", path), 401, "unauthorized")


def test_reading_ignores_the_key(live: Live) -> None:
    """SYSTEMS: "GET, PATCH and DELETE ignore the key"."""
    key = {"Idempotency-Key": new_key()}
    before = live.acme.send("GET", CREDITS, headers=key)
    first = live.acme.send("POST", GENERATE, body_of(GENERATE), headers=key)
    after = live.acme.send("GET", CREDITS, headers=key)
    assert "Idempotent-Replayed" not in first.headers
    assert after.json()["credits"] == before.json()["credits"] - 1
    for path in (CREDITS, first.json()["pollUrl"], OPERATIONS):
        for bad in (key["Idempotency-Key"], "k" * 300):
            read = live.acme.send("GET", path, headers={"Idempotency-Key": bad})
            assert read.status_code == 200
            assert "Idempotent-Replayed" not in read.headers


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_either_header_presents_the_token(live: Live, header: str) -> None:
    """SYSTEMS: "The token is accepted as `Authorization: Bearer TOKEN` and as `X-API-Key: TOKEN`, everywhere." """
    key = new_key()
    value = "Bearer acme-key-2" if header == "Authorization" else "acme-key-2"
    with jobs(live.acme, 1):
        first = live.caller(None).send(
            "POST", GENERATE, body_of(GENERATE), headers={header: value, "Idempotency-Key": key}
        )
        assert first.status_code == 202
        assert_replay(post(live.acme, GENERATE, key), first)


def test_others_jobs_do_not_exist(live: Live) -> None:
    """SYSTEMS: "`GET` on a collection lists the organization's own"; "404 `not_found`" for another's, as for none."""
    receipt = post(live.acme, GENERATE, None).json()
    assert_error(live.globex.send("GET", receipt["pollUrl"]), 404, "not_found")
    assert_error(live.acme.send("GET", f"{OPERATIONS}/op_none"), 404, "not_found")
    assert_error(live.acme.send("GET", "/thehog/nowhere"), 404, "not_found")
    others = {item["operationId"] for item in live.globex.get(OPERATIONS)["results"]}
    assert receipt["operationId"] not in others


def test_an_organization_without_credits(live: Live) -> None:
    """SYSTEMS: "402 `insufficient_credits`"; only success is stored, so the key runs once there are credits."""
    keys = {path: new_key() for path in ENDPOINTS}
    rivals = [new_key(), new_key()]
    try:
        leave_credits(live, 1)
        answers = at_once([partial(post, live.globex, GENERATE, rival) for rival in rivals])
        assert sorted(answer.status_code for answer in answers) == [202, 402]
        with jobs(live.globex, 0):
            for path, key in keys.items():
                assert_error(post(live.globex, path, key), 402, "insufficient_credits")
                assert_error(post(live.globex, path, None), 402, "insufficient_credits")
            # What is paid for is replayed all the same.
            (paid,) = (place for place, answer in enumerate(answers) if answer.status_code == 202)
            assert_replay(post(live.globex, GENERATE, rivals[paid]), answers[paid])
    finally:
        live.manage("seed_demo")
    assert live.globex.get(CREDITS) == {"credits": 1000}
    with jobs(live.globex, 3):
        for path, key in keys.items():
            first = post(live.globex, path, key)
            assert first.status_code == 202
            assert_replay(post(live.globex, path, key), first)


def leave_credits(live: Live, credits: int) -> None:
    """Take all but so many of globex's credits away, which no API does."""
    live.manage(
        *("shell", "--verbosity", "0", "--command"),
        "from testproject.accounts.models import Balance;"
        f"Balance.objects.filter(organization__slug='globex', system='thehog').update(credits={credits})",
    )


def attempt(live: Live, path: str, key: str | None, fault: str) -> httpx.Response | None:
    """Send a request under a fault; None: the connection broke."""
    try:
        return post(live.acme, path, key, fault=fault)
    except httpx.TransportError:
        return None


@each_endpoint
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_a_retry_ends_with_one_job(live: Live, path: str, fault: str) -> None:
    """Seed: "You'll get back the existing job if it was received, or a new one if it wasn't." SYSTEMS: "ends with exactly one effect"."""
    key = new_key()
    with jobs(live.acme, 1):
        troubled = attempt(live, path, key, fault)
        if fault in {"drop", "kill"}:
            assert troubled is None
        else:
            assert troubled is not None
            assert troubled.status_code == {"fail-before": 503, "fail-after": 500}.get(fault, 202)
            if fault.startswith("fail"):
                assert_error(troubled, troubled.status_code, "demo_fault")
            else:
                assert troubled.elapsed.total_seconds() >= 0.3
        retry = answered(partial(post, live.acme, path, key))
        assert retry.status_code == 202
        # Where the first one was carried out the retry is a replay, and nowhere else.
        done = fault in {"drop", "slow=0.3"}
        assert retry.headers.get("Idempotent-Replayed") == ("true" if done else None)
        assert live.acme.get(retry.json()["pollUrl"])["runs"] == 1
        again = post(live.acme, path, key)
        assert again.content == retry.content
        assert again.headers["Idempotent-Replayed"] == "true"


@each_endpoint
def test_a_killed_worker_among_duplicates(live: Live, path: str) -> None:
    """SYSTEMS: `kill`: "After any of them a plain retry with the same key ends with exactly one effect", at the same moment too."""
    key = new_key()
    plain = partial(answered, partial(post, live.acme, path, key))

    def killed() -> httpx.Response:
        return attempt(live, path, key, "kill") or plain()

    with jobs(live.acme, 1):
        assert len({answer.content for answer in at_once([killed, plain, plain])}) == 1


@pytest.mark.parametrize("fault", ["fail-before", "fail-after", "drop", "kill", "slow=20", "nonsense"])
def test_a_replay_ignores_faults(live: Live, fault: str) -> None:
    """SYSTEMS: "when the handler really runs (a replay ignores it"."""
    key = new_key()
    with jobs(live.acme, 1):
        first = post(live.acme, GENERATE, key)
        replay = post(live.acme, GENERATE, key, fault=fault)
    assert_replay(replay, first)
    assert replay.elapsed.total_seconds() < 10


@each_endpoint
@pytest.mark.parametrize("fault", ["nonsense", "slow=never", "slow", ""])
def test_an_unknown_fault(live: Live, path: str, fault: str) -> None:
    """SYSTEMS: "an unknown value is 400; such answers have the system's error body with code `demo_fault`"."""
    key = new_key()
    with jobs(live.acme, 0):
        assert_error(post(live.acme, path, key, fault=fault), 400, "demo_fault")
    with jobs(live.acme, 1):
        assert post(live.acme, path, key).status_code == 202


def test_there_is_no_throttling(live: Live) -> None:
    """SYSTEMS: "No throttling." """
    answers = at_once([partial(post, live.acme, path, None) for path in ENDPOINTS for _ in range(10)])
    assert {answer.status_code for answer in answers} == {202}
