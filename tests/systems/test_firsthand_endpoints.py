"""What FirstHand's endpoints do, and what becomes of a request in which something fails."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import httpx
import pytest

from tests.guarantee.gate import PATIENCE
from tests.systems.firsthand import (
    BILLING,
    CANCEL,
    CREATE_JOB,
    CREATE_KEY,
    CREATE_WEBHOOK,
    CREDITS,
    ENDPOINTS,
    INVALID,
    JOB,
    JOBS,
    KEYS,
    MISSING,
    PURCHASE,
    RATE,
    WEBHOOKS,
    Endpoint,
    Post,
    make_job,
    refusal,
)
from tests.systems.live import Live, answered, assert_replay, new_key


@pytest.fixture(params=ENDPOINTS, ids=str)
def post(request: pytest.FixtureRequest, live: Live) -> Post:
    return Post(live.acme, request.param)


# -- What they do ----------------------------------------------------------------------------------


def test_create_a_job(live: Live) -> None:
    """SYSTEMS: `POST /firsthand/v1/jobs` → `{"id", "type", "status", "ratings": 0, "request_id", ...}`, "free of
    charge"; an item of the list "looks like its detail and repeats the fields that were sent"."""
    balance = live.acme.get(BILLING)
    response = Post(live.acme, CREATE_JOB).send(new_key(), {**JOB, "colour": "red"})
    job = response.json()

    assert response.status_code == 201
    assert isinstance(job["id"], str)
    assert {name: job[name] for name in JOB} == JOB
    assert (job["ratings"], job["request_id"]) == (0, response.headers["X-Request-Id"])
    assert job["status"] not in ("", "cancelled")
    assert "colour" not in job, "unknown fields are ignored"
    assert live.acme.get(response.headers["Location"]) == live.acme.get(f"{JOBS}/{job['id']}") == job
    assert job in live.acme.get(JOBS)["results"]
    assert live.acme.get(BILLING) == balance


def test_cancelling_takes_an_object_or_nothing(live: Live) -> None:
    """SYSTEMS: "invalid body: 400 `validation_failed`", also where there are no fields; unknown ones are ignored."""
    job = live.acme.send("POST", JOBS, JOB, headers={"Idempotency-Key": new_key()}).json()["id"]
    for wrong in (b"[1]", b'"x"', b"null", b"{"):
        refused = live.acme.send(
            "POST", f"{JOBS}/{job}/cancel", wrong, headers={"Idempotency-Key": new_key()}
        )
        assert (refused.status_code, refused.json()["error"]["type"]) == (400, "validation_failed"), wrong
    assert live.acme.get(f"{JOBS}/{job}")["status"] != "cancelled"
    for body in (None, {}, {"why": "over"}):
        answer = live.acme.send("POST", f"{JOBS}/{job}/cancel", body, headers={"Idempotency-Key": new_key()})
        assert answer.status_code == 200, body


@pytest.mark.parametrize("place", ["a.b", "ü", "a b"])
def test_another_path_that_looks_like_none(live: Live, place: str) -> None:
    """SYSTEMS: same key, other path argument: 409, before the object is looked up, whatever the argument looks like."""
    key = new_key()
    job = live.acme.send("POST", JOBS, JOB, headers={"Idempotency-Key": new_key()}).json()["id"]
    assert (
        live.acme.send("POST", f"{JOBS}/{job}/cancel", {}, headers={"Idempotency-Key": key}).status_code
        == 200
    )
    other = live.acme.send("POST", f"{JOBS}/{place}/cancel", {}, headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["error"]["type"]) == (409, "idempotency_conflict")


def test_cancel_a_job(live: Live) -> None:
    """SYSTEMS: "`POST .../jobs/{id}/cancel` (200, `status` becomes `cancelled`, repeatable with another key)"."""
    post = Post(live.acme, CANCEL)
    for times in (1, 2):
        # The second one without any body at all.
        response = post.send(new_key()) if times == 1 else post.send(new_key(), b"")
        assert response.status_code == 200
        assert (response.json()["id"], response.json()["status"]) == (post.job, "cancelled")
        assert live.acme.get(f"{JOBS}/{post.job}")["status"] == "cancelled"
        assert post.happened() == times


def test_rate_a_job(live: Live) -> None:
    """SYSTEMS: "`POST .../jobs/{id}/rate` (201; `rating` 1-5; any own job; `ratings` grows by one)"."""
    post = Post(live.acme, RATE)
    for times, rating in enumerate((1, 2, 3, 4, 5), start=1):
        response = post.send(new_key(), {"rating": rating})
        assert response.status_code == 201
        assert (response.json()["rating"], response.json()["ratings"]) == (rating, times)
        assert post.happened() == times
    # Any own job: a cancelled one, too.
    live.acme.send("POST", f"{JOBS}/{post.job}/cancel", {}, headers={"Idempotency-Key": new_key()})
    assert post.send(new_key()).json()["status"] == "cancelled"
    assert post.happened() == 6


def test_create_an_api_key(live: Live) -> None:
    """SYSTEMS: "`POST /firsthand/v1/api_keys` (`name`) → `{"id", "name", "secret", ...}`"; lists "never" show the
    secret. It is a token of the organization."""
    post, key = Post(live.acme, CREATE_KEY), new_key()
    made = post.send(key).json()

    assert made["name"] == post.endpoint.body["name"]
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert live.acme.get(f"{KEYS}/{made['id']}") == shown
    assert shown in live.acme.get(KEYS)["results"]
    assert not any("secret" in item for item in live.acme.get(KEYS)["results"])
    # A client whose first answer was lost has its secret from the replay, and may use it there.
    replay = post.send(key, caller=live.caller(made["secret"]))
    assert replay.json()["secret"] == made["secret"]
    job = make_job(live.caller(made["secret"]))
    assert live.acme.get(f"{JOBS}/{job['id']}") == job
    assert post.send(new_key()).json()["secret"] != made["secret"]


def test_create_a_webhook_endpoint(live: Live) -> None:
    """SYSTEMS: "`POST /firsthand/v1/webhook_endpoints` (`url`)"; an item "looks like its detail"."""
    response = Post(live.acme, CREATE_WEBHOOK).send(new_key())
    made = response.json()
    assert made["url"] == CREATE_WEBHOOK.body["url"]
    assert live.acme.get(response.headers["Location"]) == live.acme.get(f"{WEBHOOKS}/{made['id']}") == made
    assert made in live.acme.get(WEBHOOKS)["results"]


def test_purchase_credits(live: Live) -> None:
    """SYSTEMS: "`POST /firsthand/v1/billing/purchase` (`credits`) → `{"id", "credits", "balance"}`"; `GET
    /firsthand/v1/billing` → `{"balance": N}`."""
    before = live.acme.get(BILLING)
    theirs = live.globex.get(BILLING)
    assert set(before) == {"balance"}

    response = Post(live.acme, PURCHASE).send(new_key())
    made = response.json()

    assert "Location" not in response.headers, "it has no page of its own"
    assert isinstance(made["id"], str)
    assert (made["credits"], made["balance"]) == (CREDITS, before["balance"] + CREDITS)
    assert live.acme.get(BILLING) == {"balance": made["balance"]}
    assert live.globex.get(BILLING) == theirs


def test_change_a_job(live: Live) -> None:
    """SYSTEMS: "`PATCH`/`DELETE /firsthand/v1/jobs/{id}` need no key"."""
    job = make_job(live.acme)
    path = f"{JOBS}/{job['id']}"
    changed = live.acme.send("PATCH", path, {"files_needed": 3, "ratings": 9, "unknown": 1})
    assert changed.status_code == 200
    assert changed.json() == live.acme.get(path) == {**job, "files_needed": 3}

    before = live.acme.count(JOBS)
    assert live.acme.send("DELETE", path).status_code == 204
    assert refusal(live.acme.send("GET", path)) == MISSING
    assert live.acme.count(JOBS) == before - 1


def test_changes_at_the_same_time(live: Live) -> None:
    """SYSTEMS: "every effect below is countable": a PATCH takes no rating away, and brings no deleted job back."""

    def at_once(*requests: Callable[[], httpx.Response]) -> list[int]:
        barrier = Barrier(len(requests))

        def send(request: Callable[[], httpx.Response]) -> int:
            barrier.wait(PATIENCE)
            return request().status_code

        with ThreadPoolExecutor(len(requests)) as pool:
            return list(pool.map(send, requests))

    for number in range(10):
        rate = Post(live.acme, RATE)
        path = f"{JOBS}/{rate.job}"
        patch = partial(live.acme.send, "PATCH", path, {"description": f"Number {number}"})
        assert at_once(partial(rate.send, new_key()), patch) == [201, 200]
        job = live.acme.get(path)
        assert (job["ratings"], job["description"]) == (1, f"Number {number}")

        deleted, patched = at_once(partial(live.acme.send, "DELETE", path), patch)
        assert (deleted, patched in (200, 404)) == (204, True)
        assert refusal(live.acme.send("GET", path)) == MISSING


def test_a_long_answer_is_replayed(live: Live) -> None:
    """SYSTEMS: "a replay has the same status, body bytes and `Content-Type`/`Location`", however long it is."""
    create, key = Post(live.acme, CREATE_JOB), new_key()
    sent = {**JOB, "description": "x" * 1_100_000}
    created = create.send(key, sent)
    assert created.status_code == 201
    assert_replay(create.send(key, sent), created, "X-Request-Id")


def test_deleting_leaves_the_replay(live: Live) -> None:
    """SYSTEMS: "deleting a job leaves its stored 201 replayable"; and nothing is made again."""
    create, rate, key = Post(live.acme, CREATE_JOB), Post(live.acme, RATE), new_key()
    created, rated = create.send(key), rate.send(key)
    for job in (created.json()["id"], rate.job):
        assert live.acme.send("DELETE", f"{JOBS}/{job}").status_code == 204
    before = live.acme.count(JOBS)

    assert_replay(create.send(key), created, "X-Request-Id")
    assert_replay(rate.send(key), rated, "X-Request-Id")
    assert refusal(rate.send(new_key())) == MISSING
    assert live.acme.count(JOBS) == before


@pytest.mark.parametrize(
    ("endpoint", "changes"),
    [
        *((CREATE_JOB, {name: None}) for name in JOB),
        (CREATE_JOB, {"files_needed": "many"}),
        (CREATE_JOB, {"accepted_formats": "image/jpeg"}),
        (RATE, {"rating": 0}),
        (RATE, {"rating": 6}),
        (RATE, {"rating": "good"}),
        (CREATE_KEY, {"name": None}),
        (CREATE_WEBHOOK, {"url": "nowhere"}),
        (PURCHASE, {"credits": 0}),
        (PURCHASE, {"credits": -CREDITS}),
        (PURCHASE, {"credits": "five"}),
    ],
    ids=str,
)
def test_an_invalid_body(live: Live, endpoint: Endpoint, changes: dict[str, object]) -> None:
    """SYSTEMS: "invalid body | 400 `validation_failed`"; the message names the member."""
    post, key = Post(live.acme, endpoint), new_key()
    response = post.send(key, {**endpoint.body, **changes})
    assert refusal(response) == INVALID
    assert next(iter(changes)) in response.json()["error"]["message"]
    without = {name: value for name, value in endpoint.body.items() if name not in changes}
    assert refusal(post.send(key, without)) == INVALID
    assert post.happened() == 0


def test_nobody_elses_exist(live: Live) -> None:
    """SYSTEMS: "`GET` on a collection lists the organization's own"; "404 `not_found`" for anything else."""
    job = f"{JOBS}/{make_job(live.acme)['id']}"
    key = f"{KEYS}/{Post(live.acme, CREATE_KEY).send(new_key()).json()['id']}"
    webhook = f"{WEBHOOKS}/{Post(live.acme, CREATE_WEBHOOK).send(new_key()).json()['id']}"
    nobodys = f"{JOBS}/job_0"
    for path in (job, nobodys):
        assert refusal(live.globex.send("PATCH", path, {"files_needed": 1})) == MISSING
        assert refusal(live.globex.send("DELETE", path)) == MISSING
        for verb, body in (("cancel", {}), ("rate", {"rating": 1})):
            headers = {"Idempotency-Key": new_key()}
            assert refusal(live.globex.send("POST", f"{path}/{verb}", body, headers=headers)) == MISSING
    for path in (job, key, webhook):
        collection, _, number = path.rpartition("/")
        assert refusal(live.globex.send("GET", path)) == MISSING
        assert number not in [item["id"] for item in live.globex.get(collection)["results"]]
        assert number in [item["id"] for item in live.acme.get(collection)["results"]]
    assert (live.acme.get(job)["status"], live.acme.get(job)["ratings"]) == ("open", 0)


# -- What becomes of a request in which something fails --------------------------------------------


def test_fail_before(post: Post) -> None:
    """SYSTEMS: "`fail-before` (503 before the handler does anything)"; "a plain retry … ends with exactly one effect"."""
    key = new_key()
    assert refusal(post.send(key, fault="fail-before")) == (503, "demo_fault")
    assert post.happened() == 0
    check_retry(post, key)


def test_fail_after(post: Post) -> None:
    """SYSTEMS: "`fail-after` (500 once the handler's work is done, before the response is stored)": a failed request
    leaves nothing; a plain retry does it."""
    key = new_key()
    assert refusal(post.send(key, fault="fail-after")) == (500, "demo_fault")
    assert post.happened() == 0
    check_retry(post, key)


def test_drop(post: Post) -> None:
    """SYSTEMS: "`drop` (the work is committed and stored, then the connection closes with no answer)"."""
    key = new_key()
    with pytest.raises(httpx.RemoteProtocolError):
        post.send(key, fault="drop")
    assert post.happened() == 1
    retry = post.send(key)
    assert (retry.status_code, retry.headers["Idempotent-Replayed"]) == (post.endpoint.success, "true")
    assert retry.json()["request_id"] == retry.headers["X-Request-Id"]
    assert post.happened() == 1


def test_kill(post: Post) -> None:
    """SYSTEMS: "`kill` (the worker process dies by SIGKILL after the handler's work and before the response is
    stored)": nothing of it is left, and a plain retry does it."""
    key = new_key()
    with pytest.raises(httpx.TransportError):
        post.send(key, fault="kill")
    assert post.happened() == 0
    check_retry(post, key)


def test_slow(post: Post) -> None:
    """SYSTEMS: "`slow=SECONDS` (the handler sleeps that long in the middle)"."""
    key = new_key()
    first = post.send(key, fault="slow=0.25")
    assert first.status_code == post.endpoint.success
    assert first.elapsed.total_seconds() >= 0.25
    assert_replay(post.send(key), first)
    assert post.happened() == 1


@pytest.mark.parametrize("fault", ["bogus", "", "drop=1", "drop=", "slow", "slow=", "slow=soon", "slow=-1"])
def test_an_unknown_fault(live: Live, fault: str) -> None:
    """SYSTEMS: "an unknown value is 400; such answers have the system's error body with code `demo_fault`"."""
    post, key = Post(live.acme, CREATE_WEBHOOK), new_key()
    assert refusal(post.send(key, fault=fault)) == (400, "demo_fault")
    assert post.happened() == 0
    check_retry(post, key)


def test_a_replay_has_no_fault(post: Post) -> None:
    """SYSTEMS: "on every POST above, when the handler really runs (a replay ignores it…)"."""
    key = new_key()
    assert refusal(post.send(key, fault="bogus")) == (400, "demo_fault")
    first = post.send(key)
    for fault in ("bogus", "fail-before", "fail-after", "drop", "kill", "slow=30"):
        assert_replay(post.send(key, fault=fault), first, "X-Request-Id")
    assert post.happened() == 1


def test_reading_has_no_fault(live: Live) -> None:
    """SYSTEMS: faults are "on every POST above", and on nothing else."""
    assert live.acme.send("GET", JOBS, fault="fail-before").status_code == 200


def check_retry(post: Post, key: str) -> None:
    """A plain retry is the first to do it, and all that follow are its replays."""
    first = answered(post.sending(key))
    assert first.status_code == post.endpoint.success
    assert_replay(post.send(key), first, "X-Request-Id")
    assert post.happened() == 1
