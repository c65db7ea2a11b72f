"""What counts of a body is policy, and a stored request is judged by the policy and version that stored it."""

from __future__ import annotations

import pytest

from django_idempotency import Fingerprint, IdempotencyPolicy, Mismatch
from django_idempotency.models import IdempotencyRecord
from tests.rig import Database
from tests.rules.bodies import Part, multipart
from tests.rules.parts import OPEN, Site, code, effects, is_replay, send

pytestmark = pytest.mark.databases("sqlite")

SEMANTIC = OPEN
RAW = OPEN.but(fingerprint=Fingerprint.RAW)
TARGET = OPEN.but(fingerprint=Fingerprint.TARGET)
FIELDS = OPEN.but(fingerprint_fields=("amount", "currency"))
FORM = "application/x-www-form-urlencoded"
BODY = b'{"amount": 1, "note": "a"}'
RESTATED = b'{"note":"a","amount":1.0}'
OTHER = b'{"amount": 2, "note": "a"}'
faces = pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])


@faces
@pytest.mark.parametrize(
    ("policy", "restated", "other"),
    [(SEMANTIC, True, False), (RAW, False, False), (TARGET, True, True), (FIELDS, True, False)],
    ids=["semantic", "raw", "target", "fields"],
)
def test_what_counts_is_policy(
    database: Database, site: Site, policy: IdempotencyPolicy, restated: bool, other: bool, drf: bool
) -> None:
    """REQ 7: the data, the bytes, named fields or nothing of the body count, as the policy says."""
    client = site(policy, drf=drf)
    first = send(client, BODY)
    assert is_replay(first, send(client, BODY))
    for body, same in ((RESTATED, restated), (OTHER, other)):
        answer = send(client, body)
        assert is_replay(first, answer) is same
        assert code(answer) == (None if same else "idempotency_conflict")
    assert effects() == 1


@faces
def test_raw_takes_a_boundary_for_a_difference(database: Database, site: Site, drf: bool) -> None:
    """REQ 7: by its bytes, the same form with another boundary is another request."""
    client = site(RAW, drf=drf)
    for boundary, replays in (("one", False), ("one", True), ("two", None)):
        body, content_type = multipart(Part("a", b"1"), boundary=boundary)
        answer = send(client, body, content_type=content_type)
        assert (code(answer) is None) is (replays is not None)
        assert ("Idempotent-Replayed" in answer.headers) is bool(replays)
    assert effects() == 1


@faces
@pytest.mark.parametrize(
    ("body", "same"),
    [
        ('{"amount": 1, "note": "b", "more": [1]}', True),
        ('{"amount": 1.0}', True),
        ('{"amount": 1, "currency": null}', False),
        ('{"amount": "1"}', False),
        ('{"note": "a"}', False),
        ("[1]", False),
    ],
)
def test_only_named_fields_count(database: Database, site: Site, body: str, same: bool, drf: bool) -> None:
    """REQ 7: with named fields, another value of one of them, or its absence, is another request."""
    client = site(FIELDS, drf=drf)
    first = send(client, BODY)
    assert is_replay(first, send(client, body)) is same
    assert effects() == 1


@pytest.mark.parametrize(
    ("body", "same"), [("amount=1&note=b", True), ("amount=1&amount=1", False), ("", False)]
)
def test_named_fields_of_a_form_count(database: Database, site: Site, body: str, same: bool) -> None:
    """REQ 7: a named field of a form counts with all its values."""
    client = site(FIELDS)
    first = send(client, "note=a&amount=1", content_type=FORM)
    assert is_replay(first, send(client, body, content_type=FORM)) is same


KINDS = {
    "semantic": SEMANTIC,
    "raw": RAW,
    "target": TARGET,
    "fields": FIELDS,
    "others": OPEN.but(fingerprint_fields=("note",)),
}


@faces
@pytest.mark.parametrize("before", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("after", KINDS.values(), ids=KINDS)
def test_a_new_policy_refuses_no_honest_retry(
    database: Database, site: Site, before: IdempotencyPolicy, after: IdempotencyPolicy, drf: bool
) -> None:
    """REQ 7: a retry of the same bytes is replayed, whatever the policy was when they came first."""
    first = send(site(before, drf=drf), BODY)
    assert is_replay(first, send(site(after, drf=drf), BODY))
    assert effects() == 1


@faces
@pytest.mark.parametrize(
    "after", [SEMANTIC, RAW, TARGET, FIELDS], ids=["semantic", "raw", "target", "fields"]
)
@pytest.mark.parametrize(
    ("before", "body", "same"),
    [
        (SEMANTIC, RESTATED, True),
        (SEMANTIC, OTHER, False),
        (RAW, RESTATED, False),
        (RAW, OTHER, False),
        (TARGET, OTHER, True),
    ],
    ids=["semantic-restated", "semantic-other", "raw-restated", "raw-other", "target-other"],
)
def test_a_stored_request_is_judged_as_it_was_stored(
    database: Database,
    site: Site,
    before: IdempotencyPolicy,
    body: bytes,
    same: bool,
    after: IdempotencyPolicy,
    drf: bool,
) -> None:
    """REQ 7: what counted when a request was stored counts for its retries, also under a newer policy."""
    first = send(site(before, drf=drf), BODY)
    answer = send(site(after, drf=drf), body)
    assert is_replay(first, answer) is same
    assert code(answer) == (None if same else "idempotency_conflict")


def test_the_algorithm_has_a_version(database: Database, site: Site) -> None:
    """REQ 7: each stored fingerprint begins with the version that made it, and fits its column."""
    for key, policy in (("a", SEMANTIC), ("b", RAW), ("c", TARGET), ("d", FIELDS)):
        send(site(policy), BODY, key=key)
    stored = IdempotencyRecord.objects.values_list("fingerprint", flat=True)
    assert len(stored) == 4
    assert all(text.startswith("1:") and len(text) <= 160 for text in stored)


@pytest.mark.parametrize("newer", ["2:", "10:sha3:deadbeef", "2:" + "0" * 64 + ":s" + "0" * 64])
def test_a_newer_version_refuses_nobody(database: Database, site: Site, newer: str) -> None:
    """REQ 7: a record that a newer version stored, while a deployment rolls out, is replayed and not judged."""
    client = site()
    first = send(client, BODY)
    IdempotencyRecord.objects.update(fingerprint=newer)
    assert is_replay(first, send(client, BODY))
    assert is_replay(first, send(client, OTHER))
    assert effects() == 1


@pytest.mark.parametrize(
    ("policy", "refusal"), [(SEMANTIC, "idempotency_conflict"), (OPEN.but(on_mismatch=Mismatch.REPLAY), None)]
)
def test_a_refused_mismatch_touches_nothing(
    database: Database, site: Site, policy: IdempotencyPolicy, refusal: str | None
) -> None:
    """REQ 6: a mismatch, refused or answered, leaves the stored record exactly as it was."""
    client = site(policy)
    first = send(client, BODY, path="/a")
    before = list(IdempotencyRecord.objects.values())
    assert code(send(client, OTHER, path="/a")) == refusal
    assert code(send(client, OTHER, path="/b")) == "idempotency_conflict"
    assert list(IdempotencyRecord.objects.values()) == before
    assert is_replay(first, send(client, BODY, path="/a"))
