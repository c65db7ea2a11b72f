"""FirstHand's promises about keys, as its page and its column say; those about time are in test_firsthand_times."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.systems.firsthand import (
    BILLING,
    CANCEL,
    CONFLICT,
    CREATE_JOB,
    CREATE_KEY,
    CREATE_WEBHOOK,
    ENDPOINTS,
    INVALID,
    JOB,
    JOBS,
    KEY_REQUIRED,
    KEYS,
    MISSING,
    PURCHASE,
    RATE,
    UNAUTHORIZED,
    WEBHOOKS,
    Endpoint,
    Post,
    make_job,
    refusal,
)
from tests.systems.live import Live, assert_replay, new_key


@pytest.fixture(params=ENDPOINTS, ids=str)
def post(request: pytest.FixtureRequest, live: Live) -> Post:
    return Post(live.acme, request.param)


def test_the_example(live: Live) -> None:
    """Seed: the request that the page shows, with a key of the kind it shows; its retry; and the same key once more
    for "a different request", with the answer that the page shows."""
    token = Post(live.acme, CREATE_KEY).send(new_key()).json()["secret"]
    assert token.startswith("fh_live_")
    caller = live.caller(token)
    key = {"Idempotency-Key": "job-create-order-1234"}
    before = live.acme.count(JOBS)

    first = caller.send("POST", JOBS, JOB, headers=key)
    retry = caller.send("POST", JOBS, JOB, headers=key)
    other = caller.send("POST", JOBS, {**JOB, "files_needed": 5}, headers=key)

    assert first.status_code == 201
    assert_replay(retry, first, "X-Request-Id")
    assert live.acme.count(JOBS) == before + 1
    assert other.status_code == 409
    request_id = other.json()["error"]["request_id"]
    assert request_id.startswith("req_")
    assert other.json() == {
        "error": {
            "type": "idempotency_conflict",
            "message": "A different request was already made with this idempotency key",
            "request_id": request_id,
        }
    }


def test_patterns_of_keys(live: Live) -> None:
    """Seed: "Use any unique string. Common patterns:" UUID v4, deterministic, based on the time."""
    post = Post(live.acme, CREATE_JOB)
    keys = (str(uuid.uuid4()), "create-job-order-1234", "job-1700000000000-k3j9x0q2a")
    for number, key in enumerate(keys, start=1):
        first = post.send(key)
        assert_replay(post.send(key), first)
        assert post.happened() == number


def test_a_key_is_required(post: Post) -> None:
    """Seed: "All mutating POST endpoints require an Idempotency-Key header." SYSTEMS: 400 `idempotency_key_required`."""
    assert refusal(post.send()) == KEY_REQUIRED
    assert post.happened() == 0


def test_a_key_travels_in_its_header_only(post: Post, live: Live) -> None:
    """SYSTEMS: "Another system's header means nothing", and so does a member of the body."""
    others = {"X-Idempotency-Key": new_key()}
    body = {**post.endpoint.body, "idempotency_key": new_key()}
    assert refusal(live.acme.send("POST", post.path, body, headers=others)) == KEY_REQUIRED

    both = {**others, "Idempotency-Key": new_key()}
    first = live.acme.send("POST", post.path, body, headers=both)
    both["X-Idempotency-Key"] = new_key()
    assert_replay(live.acme.send("POST", post.path, body, headers=both), first)
    assert post.happened() == 1


def test_same_key_same_body(post: Post) -> None:
    """Seed: "If you retry with the same key and same body, you get the original response back (no duplicate created)".
    SYSTEMS: "FirstHand and SurveyCoder replay the original's [X-Request-Id] (… in the body too)"."""
    key = new_key()
    first, *retries = [post.send(key) for _ in range(3)]

    assert first.status_code == post.endpoint.success
    assert first.json()["request_id"] == first.headers["X-Request-Id"]
    for retry in retries:
        assert_replay(retry, first, "X-Request-Id")
    assert post.happened() == 1


def test_same_key_other_body(post: Post) -> None:
    """Seed: "If you retry with the same key but different body, you get a 409 Conflict"; the first stays what it was."""
    key = new_key()
    first = post.send(key)
    for _ in range(2):
        other = post.send(key, post.endpoint.other)
        assert refusal(other) == CONFLICT
        # A 409 that says when to come back would be retried for ever.
        assert "Retry-After" not in other.headers
        assert "Idempotent-Replayed" not in other.headers
    assert_replay(post.send(key), first, "X-Request-Id")
    assert post.happened() == 1


def test_another_key_is_another_request(post: Post) -> None:
    """Seed: the result is "keyed by your idempotency key", so an equal body under another key is done again."""
    answers = [post.send(new_key()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [post.endpoint.success] * 2
    assert all("Idempotent-Replayed" not in answer.headers for answer in answers)
    assert post.happened() == 2


def test_other_white_space_is_the_same_body(post: Post) -> None:
    """SYSTEMS: "JSON with other white space or member order is the same body." """
    key = new_key()
    first = post.send(key, json.dumps(post.endpoint.body, separators=(",", ":")).encode())
    turned = dict(reversed(post.endpoint.body.items()))
    assert list(turned) != list(post.endpoint.body)
    assert_replay(post.send(key, json.dumps(turned, indent=4).encode() + b"\n"), first)
    assert post.happened() == 1


def test_another_query_is_another_request(post: Post) -> None:
    """SYSTEMS: "same key, other path argument or query | 409"."""
    key = new_key()
    first = post.send(key, path=f"{post.path}?draft=1")
    assert first.status_code == post.endpoint.success
    for query in ("", "?draft=2", "?draft=1&more=1"):
        assert refusal(post.send(key, path=f"{post.path}{query}")) == CONFLICT
    assert_replay(post.send(key, path=f"{post.path}?draft=1"), first)
    assert post.happened() == 1


@pytest.mark.parametrize("endpoint", [CANCEL, RATE], ids=str)
def test_another_path_argument_is_another_request(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "same key, other path argument … 409"; "The path is compared before the object is looked up"."""
    post, key = Post(live.acme, endpoint), new_key()
    other = Post(live.acme, endpoint)
    first = post.send(key)

    # Somebody else's job, one that was never there, and one that is gone.
    gone = make_job(live.acme)["id"]
    assert live.acme.send("DELETE", f"{JOBS}/{gone}").status_code == 204
    for job in (other.job, make_job(live.globex)["id"], "job_0", gone):
        path = endpoint.path.format(job=job)
        assert refusal(post.send(key, path=path)) == CONFLICT
        if job != other.job:
            assert refusal(post.send(new_key(), path=path)) == MISSING
    assert_replay(post.send(key), first)
    assert (post.happened(), other.happened()) == (1, 0)


def test_each_endpoint_has_its_own_keys(live: Live) -> None:
    """SYSTEMS: scope "organization + endpoint"; endpoint is "method + route name"."""
    key = new_key()
    posts = [Post(live.acme, endpoint) for endpoint in ENDPOINTS]
    firsts = [post.send(key) for post in posts]
    assert [first.status_code for first in firsts] == [post.endpoint.success for post in posts]
    for post, first in zip(posts, firsts, strict=True):
        assert_replay(post.send(key), first)


def test_an_organization_shares_its_keys(post: Post, live: Live) -> None:
    """SYSTEMS: scope "organization + endpoint": a retry may come with another API key of the organization."""
    key = new_key()
    first = post.send(key)
    assert_replay(post.send(key, caller=live.caller("acme-key-2")), first, "X-Request-Id")
    assert post.happened() == 1


@pytest.mark.parametrize("endpoint", [CREATE_JOB, CREATE_KEY, CREATE_WEBHOOK, PURCHASE], ids=str)
def test_organizations_do_not_share(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "two organizations may use the same key"."""
    posts, key = [Post(live.acme, endpoint), Post(live.globex, endpoint)], new_key()
    ids = {post.send(key).json()["id"] for post in posts}
    assert len(ids) == 2
    assert [post.happened() for post in posts] == [1, 1]


def test_a_refused_request_stores_nothing(post: Post, live: Live) -> None:
    """SYSTEMS: "a request that fails authentication, permission or validation stores nothing, and the same key with a
    corrected request runs"."""
    key = new_key()
    strangers = [live.caller(token) for token in (None, "nobody's")]
    assert refusal(post.send(key, b"{")) == INVALID
    if post.endpoint is not CANCEL:
        # Cancelling needs nothing, so nothing in it can be missing.
        assert refusal(post.send(key, {})) == INVALID
    for stranger in strangers:
        assert refusal(post.send(key, caller=stranger)) == UNAUTHORIZED
    assert post.happened() == 0

    first = post.send(key)
    assert first.status_code == post.endpoint.success
    assert_replay(post.send(key), first)
    assert post.happened() == 1
    # What is stored is for its owner.
    for stranger in strangers:
        assert refusal(post.send(key, caller=stranger)) == UNAUTHORIZED


@pytest.mark.parametrize("endpoint", [CANCEL, RATE], ids=str)
def test_only_successes_are_stored(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "stored | success only": a 404 leaves its key free, for another path too."""
    post, key = Post(live.acme, endpoint), new_key()
    for _ in range(2):
        missing = post.send(key, path=endpoint.path.format(job="job_0"))
        assert refusal(missing) == MISSING
        assert "Idempotent-Replayed" not in missing.headers
    assert post.send(key).status_code == endpoint.success
    assert post.happened() == 1


@pytest.mark.parametrize("key", [new_key(), "", "a,b", "x" * 300], ids=["used", "empty", "comma", "long"])
def test_other_methods_ignore_the_key(live: Live, key: str) -> None:
    """Seed: "GET, PATCH, and DELETE requests are naturally idempotent and don't require the header." SYSTEMS: they
    "ignore the key", whatever it is."""
    Post(live.acme, CREATE_JOB).send(key)
    path = f"{JOBS}/{make_job(live.acme)['id']}"
    headers = {"Idempotency-Key": key}

    answers = [
        *(live.acme.send("GET", read, headers=headers) for read in (path, JOBS, KEYS, WEBHOOKS, BILLING)),
        *(live.acme.send("PATCH", path, {"description": text}, headers=headers) for text in ("One", "Two")),
        live.acme.send("GET", path, headers=headers),
        live.acme.send("DELETE", path, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200] * 8 + [204]
    assert all("Idempotent-Replayed" not in answer.headers for answer in answers)
    assert answers[-2].json()["description"] == "Two"
    assert live.acme.send("GET", path, headers=headers).status_code == 404
