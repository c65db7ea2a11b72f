"""Whet's keys, as its column and its page say: what is one, whose it is, and what it stands for."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.systems.live import Live, assert_replay, new_key
from tests.systems.whet import (
    ENDPOINTS,
    Make,
    assert_refused,
    connect,
    draft,
    fetch,
    from_intent,
    on,
    publish,
)

# Characters: 16 to 128, printable ASCII.
BAD_KEYS: tuple[object, ...] = (
    None,
    1234567890123456,
    True,
    ["k" * 16],
    {},
    "",
    "k" * 15,
    "k" * 129,
    "k" * 15 + "é",
    "k" * 15 + "\n",
)
GOOD_KEYS = ("k" * 16, "K" * 16, "k" * 128, ' "quoted", and so on ', "".join(map(chr, range(0x20, 0x7F))))


@on(*ENDPOINTS)
def test_retry(live: Live, make: Make) -> None:
    """Seed: "Replays with the same key return the same run_id / pipeline_id / artifact — never a new one"."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()

    first = endpoint.send(key)
    again = endpoint.send(key)
    spelled = json.dumps({"idempotency_key": key, **dict(reversed(endpoint.body.items()))}, indent=2).encode()
    other_spelling = live.acme.send("POST", endpoint.path, spelled)

    assert first.status_code == 201
    assert_replay(again, first)
    assert_replay(other_spelling, first)
    assert len({response.headers["X-Request-Id"] for response in (first, again, other_spelling)}) == 3
    assert endpoint.count() == before + 1


@on(*ENDPOINTS)
def test_new_key(live: Live, make: Make) -> None:
    """Seed: "Generate a new one only when the user takes intentional action again"."""
    endpoint = make(live.acme)
    before = endpoint.count()

    first, second = endpoint.send(new_key()), endpoint.send(new_key())

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() != second.json() or make is publish
    assert "Idempotent-Replayed" not in second.headers
    assert endpoint.count() == before + 2


@on(from_intent, draft, publish, connect)
def test_key_is_required(live: Live, make: Make) -> None:
    """SYSTEMS: "required: yes, except /fetch"; "missing key: 400 validation_failed"."""
    endpoint = make(live.acme)
    before = endpoint.count()
    header = {"Idempotency-Key": new_key(), "X-Idempotency-Key": new_key()}

    assert_refused(live.acme.send("POST", endpoint.path, endpoint.body), 400, "validation_failed")
    # SYSTEMS: "Another system's header means nothing".
    with_header = live.acme.send("POST", endpoint.path, endpoint.body, headers=header)
    assert_refused(with_header, 400, "validation_failed")
    assert endpoint.count() == before


@on(*ENDPOINTS)
def test_refused_keys(live: Live, make: Make) -> None:
    """Seed: "16-128 characters. Shorter or longer returns validation_failed"; SYSTEMS: null or a number too."""
    endpoint = make(live.acme)
    before = endpoint.count()

    for key in BAD_KEYS:
        assert_refused(endpoint.send(key), 400, "validation_failed")

    assert endpoint.count() == before


@pytest.mark.parametrize("key", GOOD_KEYS, ids=range(len(GOOD_KEYS)))
def test_accepted_keys(live: Live, key: str) -> None:
    """SYSTEMS: "Whet's body key is any printable ASCII (0x20-0x7E) string"; Seed: "Free-form ASCII"."""
    endpoint = connect(live.acme)
    before = endpoint.count()

    first = endpoint.send(key)

    assert first.status_code == 201
    assert_replay(endpoint.send(key), first)
    assert endpoint.count() == before + 1


@on(*ENDPOINTS)
def test_other_headers(live: Live, make: Make) -> None:
    """SYSTEMS: "Another system's header means nothing": the key in the body alone decides."""
    endpoint, key = make(live.acme), new_key()
    sent = {**endpoint.body, "idempotency_key": key}

    first, again = (
        live.acme.send("POST", endpoint.path, sent, headers={"Idempotency-Key": new_key()}) for _ in range(2)
    )

    assert first.status_code == 201
    assert_replay(again, first)


@on(from_intent, connect, fetch)
def test_other_organization(live: Live, make: Make) -> None:
    """Seed: "Two different orgs can use the same key without colliding"; an organization's tokens share it."""
    key = new_key()
    mine, theirs = make(live.acme), make(live.globex)
    colleague = make(live.caller("acme-key-2"))

    first, other = mine.send(key), theirs.send(key)

    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json() != other.json()
    assert "Idempotent-Replayed" not in other.headers
    assert_replay(colleague.send(key), first)


def test_other_endpoint(live: Live) -> None:
    """Seed: "Scope: (organization_id, endpoint, key)"."""
    key = new_key()
    endpoints = [make(live.acme) for make in ENDPOINTS]
    before = [endpoint.count() for endpoint in endpoints[:4]]

    answers = [endpoint.send(key) for endpoint in endpoints]

    assert [answer.status_code for answer in answers] == [201] * 5
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)
    assert [endpoint.count() for endpoint in endpoints[:4]] == [count + 1 for count in before]


@on(*ENDPOINTS)
def test_other_body(live: Live, make: Make) -> None:
    """SYSTEMS: "the endpoint's own validation of the new body first [...], then the first result, a replay"."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()
    first = endpoint.send(key)

    assert_replay(endpoint.send(key, endpoint.other), first)
    if endpoint.invalid is not None:
        assert_refused(endpoint.send(key, endpoint.invalid), 400, "validation_failed")
    assert_replay(endpoint.send(key), first)
    assert endpoint.count() == before + 1


@on(draft, publish)
def test_other_path(live: Live, make: Make) -> None:
    """SYSTEMS: "same key, other path argument [...]: 400"; "compared before the object is looked up"."""
    endpoint, other, key = make(live.acme), make(live.acme), new_key()
    first = endpoint.send(key)
    before = other.count()
    noun = endpoint.path.split("/")[2]
    nobodys = live.acme.send("POST", f"/whet/{noun}/nothing/{make.__name__}", {"idempotency_key": key})

    assert_refused(other.send(key), 400, "validation_failed")
    assert_refused(other.send(key, endpoint.other), 400, "validation_failed")
    assert_refused(nobodys, 400, "validation_failed")
    assert other.count() == before
    assert_replay(endpoint.send(key), first)


@on(*ENDPOINTS)
def test_other_query(live: Live, make: Make) -> None:
    """SYSTEMS: "same key, other path argument or query: 400 validation_failed"."""
    endpoint, key = make(live.acme), new_key()
    before = endpoint.count()
    first = endpoint.send(key, query="?trace=1")

    assert first.status_code == 201
    assert_refused(endpoint.send(key, query="?trace=2"), 400, "validation_failed")
    assert_refused(endpoint.send(key), 400, "validation_failed")
    assert_replay(endpoint.send(key, query="?trace=1"), first)
    assert endpoint.count() == before + 1


@on(from_intent, connect, fetch)
def test_corrected_request(live: Live, make: Make) -> None:
    """SYSTEMS: "a request that fails authentication [...] or validation stores nothing, and [...] runs"."""
    endpoint, key = make(live.acme), new_key()
    stranger = replace(endpoint, caller=live.caller("nobody's-key"))
    before = endpoint.count()

    assert_refused(stranger.send(key), 401, "unauthorized")
    assert_refused(endpoint.send(key, endpoint.invalid), 400, "validation_failed")
    corrected = endpoint.send(key)

    assert corrected.status_code == 201
    assert "Idempotent-Replayed" not in corrected.headers
    assert_refused(stranger.send(key), 401, "unauthorized")
    assert endpoint.count() == before + 1


@on(draft, publish)
def test_key_of_a_request_for_nothing(live: Live, make: Make) -> None:
    """SYSTEMS: "stored: success only": what was not found has used up no key."""
    endpoint, theirs, key = make(live.acme), make(live.globex), new_key()
    before = theirs.count()

    foreign = live.acme.send("POST", theirs.path, {"idempotency_key": key})
    own = endpoint.send(key)

    assert_refused(foreign, 404, "not_found")
    assert (own.status_code, theirs.count()) == (201, before)
    assert "Idempotent-Replayed" not in own.headers
