"""Who used which key where: what is one record, and what is another."""

from __future__ import annotations

import hashlib
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_idempotency import BodyField, IdempotencyPolicy, KeySyntax
from django_idempotency.exceptions import ScopeRequired
from django_idempotency.identity import Identity, endpoint_name
from django_idempotency.models import IdempotencyRecord
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, effects, is_replay, records, send

LONG = OPEN.but(max_length=256)
# 256 characters each; default collations take some of these for the same.
CLOSE_KEYS = [
    "k" * 256,
    "K" * 256,
    "k" * 255 + "K",
    "k" * 255 + " ",
    "k" * 254 + "  ",
    "k" * 255,
    " " + "k" * 255,
    "k" * 254 + "-k",
    "k" * 254 + "_k",
    "k" * 253 + "\\%_",
]
CLOSE_SCOPES = [
    "org:a",
    "org:A",
    "org:a ",
    " org:a",
    "org:á",
    "org:a\u0301",
    "org:\uff41",
    "org:ß",
    "org:ss",
    "org:😀",
]
PARTS = st.text("a|:1 \\é", min_size=1, max_size=4)


@pytest.mark.parametrize("literal", [False, True])
def test_keys_are_compared_byte_for_byte(database: Database, site: Site, literal: bool) -> None:
    """REQ 13: keys that differ only in case, or in a space at their end, are different on every database."""
    policy = LONG.but(syntax=KeySyntax.LITERAL) if literal else LONG.but(keys=(BodyField("op_id"),))
    client = site(policy)
    for key in CLOSE_KEYS:
        first, retry = (
            send(client, {"n": 1}, key=key) if literal else send(client, {"op_id": key}, key=None)
            for _ in range(2)
        )
        assert is_replay(first, retry)
    assert effects() == records() == len(CLOSE_KEYS)
    assert sorted(IdempotencyRecord.objects.values_list("key", flat=True)) == sorted(CLOSE_KEYS)
    assert IdempotencyRecord.objects.filter(key="K" * 256).count() == 1


def test_scopes_are_compared_byte_for_byte(database: Database, site: Site) -> None:
    """REQ 4: callers whose names a collation takes for the same never share a key."""
    for scope in CLOSE_SCOPES:
        client = site(OPEN.but(scope=lambda request, scope=scope: scope))
        assert is_replay(send(client), send(client))
    assert effects() == records() == len(CLOSE_SCOPES)
    assert sorted(IdempotencyRecord.objects.values_list("scope", flat=True)) == sorted(CLOSE_SCOPES)


def test_a_scope_of_255_characters_fits(database: Database, site: Site) -> None:
    """REQ 4: a scope may have 255 characters of any alphabet, its whole length counts, and the endpoint's too."""
    policies = [
        OPEN.but(scope=lambda request, end=end: "😀" * 254 + end, endpoint="é" * 254 + other)
        for end, other in product("ab", repeat=2)
    ]
    for policy in policies:
        client = site(policy)
        assert is_replay(send(client), send(client))
    assert effects() == records() == 4


@pytest.mark.parametrize("scope", ["", "s" * 256, "s" * 300, "a\0b", "\0", "\ud800", "a\udfffb"], ids=ascii)
def test_a_scope_that_cannot_be_stored_is_nobody(database: Database, site: Site, scope: str) -> None:
    """REQ 4: a hostile scope is refused with 400 on every database: nothing runs, and no two callers share."""
    response = send(site(OPEN.but(scope=lambda request: scope)))
    assert (response.status_code, code(response)) == (400, "idempotency_scope_required")
    assert (effects(), records()) == (0, 0)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("scope", [17, b"org", ("org", 1), False])
def test_a_scope_that_is_no_text_says_so(database: Database, site: Site, scope: object) -> None:
    """REQ 4: a scope function that returns its id as a number fails with a sentence that names the cure."""
    client = site(OPEN.but(scope=lambda request: scope))
    client.raise_request_exception = True
    with pytest.raises(TypeError, match=r"A scope is text or None.*str\(user\.pk\)"):
        send(client)
    assert (effects(), records()) == (0, 0)


@pytest.mark.databases("sqlite")
def test_nobody_is_refused(database: Database, site: Site) -> None:
    """REQ 4: no caller is 400, never a shared bucket; without a key nobody asks."""
    client = site(IdempotencyPolicy())
    assert code(send(client)) == "idempotency_scope_required"
    assert send(client, key=None).status_code == 201
    assert (effects(), records()) == (1, 0)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("by_endpoint", [True, False])
def test_a_key_belongs_to_its_endpoint(database: Database, site: Site, by_endpoint: bool) -> None:
    """REQ 6: one key at two endpoints is two requests, or one that differs where the policy leaves endpoints out."""
    answers = [
        send(site(OPEN.but(endpoint=endpoint, endpoint_in_key=by_endpoint))) for endpoint in ("pay", "refund")
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert is_replay(*answers) is not by_endpoint
    assert effects() == (2 if by_endpoint else 1)


@pytest.mark.databases("sqlite")
def test_methods_are_endpoints(database: Database, site: Site) -> None:
    """REQ 6: an endpoint is a method and a route, so one key may be used with POST and with PATCH."""
    client = site()
    assert [send(client, method=method).status_code for method in ("POST", "PATCH")] == [201, 201]
    assert effects() == records() == 2


@given(st.tuples(PARTS, PARTS, PARTS), st.tuples(PARTS, PARTS, PARTS))
def test_parts_cannot_run_together(first: tuple[str, str, str], second: tuple[str, str, str]) -> None:
    """REQ 4: whatever separators scope, endpoint and key hold, other parts are another record."""
    assert (Identity.of(*first).digest == Identity.of(*second).digest) == (first == second)


def test_the_classic_collision_is_none() -> None:
    """REQ 4: ("a|bc", "d") and ("a", "bc|d") are two records, also with the endpoint left out."""
    ways = [
        ("s", "a|bc", "d"),
        ("s", "a", "bc|d"),
        ("s", "a|b", "c|d"),
        ("s", "abc", "d"),
        ("s", "a", "bcd"),
        ("sa", "b", "cd"),
        ("a|bc", "d", "e"),
        ("a", "bc|d", "e"),
        ("a", "b", "c|d|e"),
        ("1:a", "b", "c"),
        ("1", ":a1", "b"),
    ]
    assert len({Identity.of(*way).digest for way in ways}) == len(ways)
    assert (
        Identity.of("a|bc", "", "d", endpoint_in_key=False).digest
        != Identity.of("a", "", "bc|d", endpoint_in_key=False).digest
    )


def test_a_tenant_stays_together() -> None:
    """The digest begins with the scope's own, so that a table sharded by its primary key keeps a tenant together."""
    digests = [Identity.of("org:1", f"POST {n}", f"key-{n}").digest for n in range(50)]
    prefix = hashlib.sha256(b"org:1").hexdigest()[:16]
    assert {digest[:16] for digest in digests} == {prefix}
    assert len(set(digests)) == 50
    assert all(len(digest) == 64 for digest in digests)
    assert Identity.of("org:2", "POST 1", "key-1").digest[:16] != prefix


def test_locks_are_spread() -> None:
    """Keys of one tenant do not share the number that a database locks by."""
    assert len({Identity.of("org:1", "POST pay", f"key-{n}").lock for n in range(1000)}) == 1000
    assert all(-(2**63) <= Identity.of("o", "e", str(n)).lock < 2**63 for n in range(100))


@pytest.mark.parametrize(("first", "second"), [("x" * 400, "x" * 401), ("x" * 300 + "a", "x" * 300 + "b")])
def test_long_routes_stay_apart(first: str, second: str) -> None:
    """REQ 6: the name of a route that is too long for its column still names one endpoint only."""
    names = {endpoint_name(method, route) for method in ("POST", "PATCH") for route in (first, second)}
    assert len(names) == 4
    assert all(len(name) == 255 for name in names)


def test_a_scope_that_cannot_be_stored_says_no_more() -> None:
    """REQ 23: the refusal of a scope does not repeat it."""
    with pytest.raises(ScopeRequired) as refused:
        Identity.of("secret-tenant\0", "POST", "k")
    assert "secret" not in str(refused.value)
