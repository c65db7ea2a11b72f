"""How long a key lives: by the clock of the database, from the first request on."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone

from django_idempotency import Mode
from django_idempotency.choices import State
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, assert_replays, effects, post, records
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

DAY = timedelta(hours=24)
EXPIRES = "Idempotency-Key-Expires-In"


def pay(request: HttpRequest) -> HttpResponse:
    amount = json.loads(request.body).get("amount", 0)
    effect = Effect.objects.create(label="paid", amount=amount)
    response = JsonResponse({"id": effect.pk, "amount": amount}, status=201)
    if amount:
        response.headers["Location"] = f"/effects/{amount}"
    return response


urlpatterns = [
    path("pay/", idempotent(POLICY)(pay)),
    path("for-ever/", idempotent(POLICY.but(lifetime=None))(pay)),
    path("briefly/", idempotent(POLICY.but(lifetime=timedelta(minutes=5)))(pay)),
    *(
        path(f"{mode.value}/{name}/", idempotent(POLICY.but(lifetime=lifetime, mode=mode))(pay))
        for mode in Mode
        for name, lifetime in {"shortest": timedelta.resolution, "longest": timedelta(days=3660)}.items()
    ),
]


def age(by: timedelta) -> None:
    """Move the one record into the past."""
    record = IdempotencyRecord.objects.get()
    record.created_at -= by
    for name in ("completed_at", "expires_at"):
        if getattr(record, name) is not None:
            setattr(record, name, getattr(record, name) - by)
    record.save()


def stored() -> dict[str, Any]:
    row: Any = IdempotencyRecord.objects.values().get()
    return dict(row)


@pytest.mark.parametrize(
    ("face", "lifetime"), [("/pay/", DAY), ("/briefly/", timedelta(minutes=5))], ids=["24 h", "5 min"]
)
def test_a_key_lives_as_long_as_the_policy_says(
    database: Database, atomic_requests: bool, face: str, lifetime: timedelta
) -> None:
    """REQ 12: Shortly before its end a record is replayed; a second after it the request is a new one."""
    first = post(face)
    age(lifetime - timedelta(minutes=1))
    assert_replays(face, first)
    assert 0 < int(post(face).headers[EXPIRES]) <= 60
    age(timedelta(minutes=1, seconds=1))
    second = post(face)
    assert (second.status_code, REPLAYED in second.headers) == (201, False)
    assert (effects(), records()) == (2, 1)
    assert_replays(face, second)


def test_a_late_arrival_with_another_body_is_new(database: Database, atomic_requests: bool) -> None:
    """REQ 19: After expiry the key is free for whatever request comes; it is no mismatch."""
    post("/pay/")
    age(DAY + timedelta(seconds=1))
    late = post("/pay/", amount=7)
    assert (late.status_code, REPLAYED in late.headers) == (201, False)
    assert_replays("/pay/", late, amount=7)
    assert post("/pay/").status_code == 422


def test_an_expired_record_that_is_taken_over_tells_of_the_new_request_only(database: Database) -> None:
    """REQ 12: Right after a take-over nothing of the old request is left in the record."""
    post("/pay/", amount=7)
    IdempotencyRecord.objects.update(
        **{
            "resource_type": "app.effect",
            "resource_id": "1",
            "attempt": 3,
            "response_headers": '[["A","b"]]',
        },
        owner="7d6a4f0e-6a59-4a0c-9a1b-0a5f0c1a2b3c",
        lease_expires_at=timezone.now(),
    )
    age(DAY + timedelta(seconds=1))
    old = stored()
    answer = post("/pay/", amount=8)
    new = stored()
    assert new["expires_at"] - new["created_at"] == DAY
    assert old["expires_at"] < new["created_at"] <= new["completed_at"] < new["expires_at"]
    assert (new["state"], new["mode"], new["response_status"]) == ("completed", "atomic", 201)
    assert bytes(new["response_body"]) == answer.content
    assert ["Location", "/effects/8"] in json.loads(new["response_headers"])
    assert ["A", "b"] not in json.loads(new["response_headers"])
    assert new["fingerprint"] != old["fingerprint"]
    assert (new["resource_type"], new["resource_id"]) == ("", "")
    assert (new["owner"], new["attempt"], new["lease_expires_at"]) == (None, 1, None)
    assert [new[name] for name in ("id", "scope", "endpoint", "key")] == [
        old[name] for name in ("id", "scope", "endpoint", "key")
    ]


def test_a_take_over_that_fails_leaves_the_old_record(database: Database, atomic_requests: bool) -> None:
    """REQ 2: A failed request under an expired key changes nothing."""
    post("/pay/")
    age(DAY + timedelta(seconds=1))
    old = stored()
    assert post("/pay/", amount="much").status_code == 500
    assert stored() == old
    assert effects() == 1


@pytest.mark.parametrize(
    ("state", "lease", "code"),
    [
        (State.IN_PROGRESS, timedelta(minutes=1), "idempotency_in_progress"),
        (State.IN_PROGRESS, timedelta(days=-400), "outcome_unknown"),
        (State.UNKNOWN, timedelta(days=-400), "outcome_unknown"),
    ],
)
def test_what_is_not_finished_does_not_expire(
    database: Database, atomic_requests: bool, state: State, lease: timedelta, code: str
) -> None:
    """REQ 12: A leased record in flight or unknown is never taken over, however old: refused, and it is untouched."""
    post("/pay/")
    past = timezone.now() - timedelta(days=400)
    IdempotencyRecord.objects.update(
        mode=Mode.LEASED,
        state=state.value,
        response_status=None,
        response_body=None,
        completed_at=None,
        lease_expires_at=timezone.now() + lease,
        created_at=past,
        expires_at=past,
    )
    old = stored()
    for _ in range(2):
        answer = post("/pay/")
        assert answer.status_code == 409
        assert json.loads(answer.content)["code"] == code
    assert post("/pay/", amount=7).status_code == 422
    assert stored() == old
    assert effects() == 1


def test_without_a_lifetime_a_record_lives_for_ever(database: Database, atomic_requests: bool) -> None:
    """REQ 12: lifetime=None: after a hundred years it is a replay still, and no end is announced."""
    first = post("/for-ever/")
    assert stored()["expires_at"] is None
    age(timedelta(days=36500))
    assert_replays("/for-ever/", first)
    assert EXPIRES not in first.headers
    assert EXPIRES not in post("/for-ever/").headers


@pytest.mark.parametrize("skew", [timedelta(days=-400), timedelta(days=400)], ids=["behind", "ahead"])
def test_the_clock_of_a_worker_decides_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, skew: timedelta
) -> None:
    """REQ 12: A worker whose clock is a year off stores, replays and expires like any other."""
    real, now = time.time, timezone.now
    monkeypatch.setattr(time, "time", lambda: real() + skew.total_seconds())
    monkeypatch.setattr(timezone, "now", lambda: now() + skew)
    first = post("/pay/")
    assert abs(stored()["created_at"] - now()) < timedelta(minutes=1)
    assert first.headers[EXPIRES] == "86400"
    assert_replays("/pay/", first)
    assert 86000 < int(post("/pay/").headers[EXPIRES]) <= 86400
    age(DAY + timedelta(seconds=1))
    assert REPLAYED not in post("/pay/").headers
    assert effects() == 2


@pytest.mark.database_settings(TIME_ZONE="Pacific/Kiritimati")
def test_the_time_zone_of_the_connection_decides_nothing(database: Database) -> None:
    """REQ 12: 14 hours east of UTC a key lives as long as anywhere."""
    first = post("/pay/")
    assert 86000 < int(post("/pay/").headers[EXPIRES]) <= 86400
    age(DAY - timedelta(minutes=1))
    assert_replays("/pay/", first)
    age(timedelta(minutes=1, seconds=1))
    assert REPLAYED not in post("/pay/").headers
    assert effects() == 2


@pytest.mark.parametrize("mode", [mode.value for mode in Mode])
def test_the_shortest_life_and_the_longest(database: Database, mode: str) -> None:
    """REQ 12, REQ 19: a microsecond is over with the next request; ten years are not."""
    assert [post(f"/{mode}/shortest/").status_code for _ in range(2)] == [201, 201]
    assert effects() == 2
    first = post(f"/{mode}/longest/", key="another")
    assert int(first.headers[EXPIRES]) == 3660 * 24 * 60 * 60
    again = post(f"/{mode}/longest/", key="another")
    assert (again.content, again.headers[REPLAYED], effects()) == (first.content, "true", 3)


def pay_slowly(request: HttpRequest) -> HttpResponse:
    time.sleep(0.3)  # nobody is waited for: it is what the handler takes
    return JsonResponse({"id": Effect.objects.create(label="paid").pk}, status=201)


BRIEF = timedelta(seconds=0.2)
urlpatterns.append(path("slow/", idempotent(POLICY.but(lifetime=BRIEF))(pay_slowly)))


def test_a_handler_that_takes_longer_than_its_record_lives(database: Database) -> None:
    """REQ 12: an answer is not expired as it is given: its lifetime then begins with it."""
    assert post("/slow/").status_code == 201
    made = IdempotencyRecord.objects.get()
    assert made.completed_at is not None
    assert made.expires_at is not None
    assert timedelta(0) <= made.expires_at - made.completed_at - BRIEF < timedelta(seconds=0.1)
