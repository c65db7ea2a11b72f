"""What each end of a leased handler leaves behind, and what the next request with the key gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.http import HttpResponse, JsonResponse
from django.test import RequestFactory
from django.urls import path

from django_idempotency import Finding, Unknown, downstream_key, transactions
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.leased import desk
from tests.leased.desk import LEASED, OUTSIDE, abandoned, code, leased, post, record
from tests.rig import Database
from tests.statements.faults import fails

pytestmark = pytest.mark.urls(__name__)

ASKED: list[IdempotencyRecord] = []
FINDINGS: list[Any] = []


def reconcile(found: IdempotencyRecord) -> HttpResponse | Finding:
    ASKED.append(found)
    finding = FINDINGS.pop(0)
    if isinstance(finding, Exception):
        raise finding
    return finding


urlpatterns = [
    path("fail/", leased()),
    path("retry/", leased(LEASED.but(on_unknown=Unknown.RETRY))),
    path("reconcile/", leased(LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=reconcile))),
    path("stores/", leased(LEASED.but(stored_errors=frozenset({402})))),
]


@pytest.fixture(autouse=True)
def _nothing_outside() -> Iterator[None]:
    for each in (OUTSIDE, ASKED, FINDINGS):
        each.clear()
    yield
    assert FINDINGS == []


def test_a_success_is_stored_and_replayed(database: Database) -> None:
    """REQ 1, 2, 3: effect and response are committed together, and every retry gets the same bytes."""
    first = post("/fail/")
    again = post("/fail/")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert (Effect.objects.count(), len(OUTSIDE)) == (1, 1)
    kept = record()
    assert (kept.mode, kept.state, kept.attempt, kept.lease_expires_at) == ("leased", "completed", 1, None)


@pytest.mark.parametrize("end", ["raise", 500, 503])
def test_an_end_in_the_middle_is_unknown(database: Database, end: Any) -> None:
    """REQ 8: nobody can tell what was done outside: the writes are undone, and nothing runs again by itself."""
    assert post("/fail/", end=end).status_code >= 500
    assert (Effect.objects.count(), len(OUTSIDE)) == (0, 1)
    for _ in range(2):
        again = post("/fail/", end=end)
        assert code(again) == (409, "outcome_unknown")
        assert (again.headers["X-Should-Retry"], again.headers.get("Retry-After")) == ("false", None)
    assert (record().state, len(OUTSIDE)) == ("unknown", 1)


@pytest.mark.parametrize(("end", "status"), [("nothing", 503), ("harmless", 500), (400, 400), (402, 402)])
def test_an_end_that_is_known_frees_the_key(database: Database, end: Any, status: int) -> None:
    """REQ 8, 10: a handler that says what it did, and did nothing, may be asked again under its key."""
    assert post("/fail/", end=end).status_code == status
    assert (Effect.objects.count(), IdempotencyRecord.objects.count()) == (0, 0)
    assert post("/fail/").status_code == 201
    assert Effect.objects.count() == 1


def test_nothing_happened_is_told_as_such(database: Database) -> None:
    """REQ 17: the documented exception is an answer in the policy's format, and says that a retry may help."""
    refused = post("/fail/", end="nothing")
    assert code(refused) == (503, "nothing_happened")
    assert (refused.headers["Retry-After"], refused.headers["X-Should-Retry"]) == ("1", "true")
    assert "The bank is closed." in refused.content.decode()


def test_an_error_of_the_policy_is_final(database: Database) -> None:
    """REQ 10: a stored error is the answer for good; its writes are undone."""
    first, again = post("/stores/", end=402), post("/stores/", end=402)
    assert (again.status_code, again.content) == (402, first.content)
    assert (record().state, Effect.objects.count(), len(OUTSIDE)) == ("completed", 0, 1)


def test_a_lost_worker_leaves_its_claim_until_the_lease_ends(database: Database) -> None:
    """REQ 8, 11: in flight as long as the lease runs, and unknown after that."""
    post("/fail/")
    abandoned()
    IdempotencyRecord.objects.update(lease_expires_at=record().expires_at)
    refused = post("/fail/")
    assert code(refused) == (409, "idempotency_in_progress")
    assert refused.headers["Retry-After"] == "1"
    desk.lapse()
    assert code(post("/fail/")) == (409, "outcome_unknown")
    assert record().state == "in_progress"  # a refusal writes nothing


def test_retry_runs_it_again(database: Database) -> None:
    """PROTOCOL: at least once: the next request takes the claim over, and calls with the same downstream key."""
    post("/retry/")
    abandoned()
    first = post("/retry/")
    assert first.status_code == 201
    assert (record().attempt, Effect.objects.count(), len(OUTSIDE)) == (2, 1, 2)
    assert OUTSIDE[0] == OUTSIDE[1]
    assert post("/retry/").content == first.content


def test_retry_after_an_exception_runs_at_once(database: Database) -> None:
    """PROTOCOL: an exception is unknown at once, without waiting for the lease."""
    assert post("/retry/", end="raise").status_code == 500
    assert post("/retry/", end="raise").status_code == 500
    assert (len(OUTSIDE), record().attempt, record().state) == (2, 2, "unknown")


def test_another_body_never_runs_for_an_unknown_one(database: Database) -> None:
    """REQ 6: the key of an interrupted request answers for that request only."""
    post("/retry/", end="raise")
    assert code(post("/retry/")) == (422, "idempotency_conflict")
    assert len(OUTSIDE) == 1


@pytest.mark.parametrize("statement", ["SAVEPOINT", "RELEASE", "ROLLBACK TO"])
def test_a_savepoint_that_fails(database: Database, statement: str) -> None:
    """REQ 24: the savepoint is the guard's: 503, and a handler that was not reached has left nothing unknown."""
    with fails(statement):
        refused = post("/stores/", end=402 if statement == "ROLLBACK TO" else "paid")
    assert code(refused) == (503, "idempotency_unavailable")
    assert Effect.objects.count() == 0
    assert len(OUTSIDE) == (statement != "SAVEPOINT")
    states = list(IdempotencyRecord.objects.values_list("state", flat=True))
    assert states == ([] if statement == "SAVEPOINT" else ["unknown"])


def test_reconcile_finds_the_response(database: Database) -> None:
    """PROTOCOL: a hook that finds out gives the answer, which is stored and replayed."""
    post("/reconcile/")
    abandoned()
    FINDINGS.append(JsonResponse({"found": True}, status=201))
    found = post("/reconcile/")
    assert (found.status_code, json.loads(found.content)) == (201, {"found": True})
    assert found.headers["Idempotent-Replayed"] == "true"
    assert post("/reconcile/").content == found.content
    assert (len(OUTSIDE), len(ASKED), ASKED[0].key) == (1, 1, "key-1")


def test_reconcile_finds_the_response_of_what_was_undone(database: Database) -> None:
    """REQ 20: what the lost worker showed early was rolled back with its work; that is not taken for deleted."""
    post("/reconcile/")
    abandoned()
    IdempotencyRecord.objects.update(resource_type="app.effect", resource_id="1")
    FINDINGS.append(JsonResponse({"found": True}, status=201))
    assert post("/reconcile/").status_code == 201
    assert post("/reconcile/").status_code == 201


def test_reconcile_finds_that_nothing_was_done(database: Database) -> None:
    """PROTOCOL: "not done" lets the request run."""
    post("/reconcile/")
    abandoned()
    FINDINGS.append(Finding.NOT_DONE)
    assert post("/reconcile/").status_code == 201
    assert (len(OUTSIDE), Effect.objects.count(), record().attempt) == (2, 1, 2)


@pytest.mark.parametrize("finding", [Finding.STILL_UNKNOWN, RuntimeError("the bank is closed")], ids=str)
def test_reconcile_cannot_tell(database: Database, finding: Any) -> None:
    """PROTOCOL: "still unknown" is refused, and asked again by the next request."""
    post("/reconcile/")
    abandoned()
    FINDINGS.extend([finding, Finding.NOT_DONE])
    refused = post("/reconcile/")
    assert code(refused) == (409, "outcome_unknown")
    assert (refused.headers["Retry-After"], refused.headers["X-Should-Retry"]) == ("1", "true")
    assert post("/reconcile/").status_code == 201
    assert len(ASKED) == 2


def test_the_downstream_key_is_the_requests_own(database: Database) -> None:
    """PROTOCOL: it is derived from scope, endpoint and key; without a guard each is new."""
    post("/fail/", key="key-1")
    post("/fail/", key="key-2")
    post("/retry/", key="key-1")
    assert len(set(OUTSIDE)) == 3
    assert all(len(each) == 36 for each in OUTSIDE)
    assert downstream_key() != downstream_key()


def test_it_refuses_to_run_inside_a_transaction(database: Database) -> None:
    """PROTOCOL: a claim that cannot be committed first is no claim; the handler does not run."""
    request = RequestFactory().post(
        "/", {}, content_type="application/json", headers={"Idempotency-Key": "k"}
    )
    with transaction.atomic(), pytest.raises(ImproperlyConfigured, match="ATOMIC_REQUESTS"):
        leased()(request)
    assert (OUTSIDE, IdempotencyRecord.objects.count()) == ([], 0)


def test_a_database_that_fails_before_the_handler_frees_the_key(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQ 24: lost between the claim and the handler: 503, nothing was done, and a retry runs at once."""
    original, begun = transactions.begin, []

    def begin(*args: Any, **kwargs: Any) -> Any:
        begun.append(1)
        if len(begun) == 2:  # the claim's was the first
            raise OperationalError("the server is shutting down")
        return original(*args, **kwargs)

    monkeypatch.setattr("django_idempotency.leased.begin", begin)
    assert code(post("/fail/")) == (503, "idempotency_unavailable")
    assert (OUTSIDE, IdempotencyRecord.objects.count()) == ([], 0)
    assert post("/fail/").status_code == 201
