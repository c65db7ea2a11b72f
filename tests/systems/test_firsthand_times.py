"""FirstHand's promises about time: what a duplicate gets while the first request runs, and after a day."""

from __future__ import annotations

import pytest

from tests.systems.firsthand import CONFLICT, CREATE_WEBHOOK, ENDPOINTS, IN_PROGRESS, Post, refusal
from tests.systems.live import Live, assert_replay, at_once, new_key


@pytest.fixture(params=ENDPOINTS, ids=str)
def post(request: pytest.FixtureRequest, live: Live) -> Post:
    return Post(live.acme, request.param)


def test_duplicates_in_flight_wait(post: Post) -> None:
    """SYSTEMS: "in flight | bounded wait (10 s), then the replay"."""
    key = new_key()
    answers = at_once([post.sending(key, fault="slow=0.3")] * 5)
    [first] = [answer for answer in answers if "Idempotent-Replayed" not in answer.headers]
    assert first.status_code == post.endpoint.success
    for answer in answers:
        if answer is not first:
            assert_replay(answer, first, "X-Request-Id")
    assert post.happened() == 1


def test_other_keys_in_flight_all_count(post: Post) -> None:
    """Seed: the result is "keyed by your idempotency key": requests with other keys at the same moment all count."""
    answers = at_once(post.sending(new_key(), fault="slow=0.02") for _ in range(5))
    assert [answer.status_code for answer in answers] == [post.endpoint.success] * 5
    assert all("Idempotent-Replayed" not in answer.headers for answer in answers)
    assert post.happened() == 5


def test_another_body_in_flight_waits(post: Post) -> None:
    """SYSTEMS: "Another body while the original runs waits as an equal one does, then gets its mismatch answer." """
    key = new_key()
    bodies = (post.endpoint.body, post.endpoint.other)
    answers = at_once(post.sending(key, body, fault="slow=0.3") for body in bodies)
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [post.endpoint.success, 409]
    assert refusal(answers[statuses.index(409)]) == CONFLICT
    winner = statuses.index(post.endpoint.success)
    assert_replay(post.send(key, bodies[winner]), answers[winner])
    assert post.happened() == 1


@pytest.mark.databases("postgresql")
def test_past_ten_seconds(live: Live) -> None:
    """SYSTEMS: past the bounded wait "409 `idempotency_in_progress` + `Retry-After`", for an equal body and for
    another one; once the first is done, each gets its own answer."""
    post, key = Post(live.acme, CREATE_WEBHOOK), new_key()
    bodies = [post.endpoint.body] * 2 + [post.endpoint.other] * 2
    # Whichever comes first is the slow one.
    answers = at_once(post.sending(key, body, fault="slow=12") for body in bodies)
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 201]
    for answer in answers:
        if answer is not answers[winner]:
            assert refusal(answer) == IN_PROGRESS
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.elapsed.total_seconds() >= 10

    for body in bodies:
        later = post.send(key, body)
        if body == bodies[winner]:
            assert_replay(later, answers[winner])
        else:
            assert refusal(later) == CONFLICT
    assert post.happened() == 1


def test_keys_expire(live: Live) -> None:
    """Seed: "Idempotency keys expire after 24 hours. After expiration, the same key can be reused for a new request." """
    posts, key = [Post(live.acme, endpoint) for endpoint in ENDPOINTS], new_key()
    firsts = [post.send(key) for post in posts]

    live.manage("age_demo", "23.9")
    for post, first in zip(posts, firsts, strict=True):
        assert_replay(post.send(key), first)

    live.manage("age_demo", "0.2")
    seconds = [post.send(key, post.endpoint.other) for post in posts]
    for post, second in zip(posts, seconds, strict=True):
        assert second.status_code == post.endpoint.success
        assert_replay(post.send(key, post.endpoint.other), second)
        assert refusal(post.send(key)) == CONFLICT
    assert [post.happened() for post in posts] == [2] * len(posts)
