"""The policy as a value: its defaults, its copies, and the published ones."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from django_idempotency import (
    IETF,
    STRIPE,
    Fingerprint,
    Header,
    IdempotencyPolicy,
    KeySyntax,
    Mismatch,
    Mode,
    PolicyError,
    Unknown,
)
from django_idempotency.presets import DEFAULT
from django_idempotency.scopes import everyone
from tests.rig import Database
from tests.rules.parts import Site, code, effects, insert, is_replay, records, send

DEFAULTS: dict[str, Any] = {
    "keys": (Header("Idempotency-Key"),),
    "required": False,
    "min_length": 1,
    "max_length": 255,
    "characters": r"[\x20-\x7e]",
    "syntax": KeySyntax.LENIENT,
    "methods": ("POST", "PATCH"),
    "scope": None,
    "endpoint": None,
    "endpoint_in_key": True,
    "fingerprint": Fingerprint.SEMANTIC,
    "fingerprint_fields": (),
    "on_mismatch": Mismatch.REJECT,
    "on_other_target": Mismatch.REJECT,
    "mismatch_status": 422,
    "in_flight_wait": 0.0,
    "in_flight_status": 409,
    "retry_after": 1,
    "mode": Mode.ATOMIC,
    "stored_errors": frozenset(),
    "replayed_headers": (
        "Location",
        "Content-Location",
        "ETag",
        "Last-Modified",
        "Link",
        "Content-Language",
        "Content-Disposition",
    ),
    "max_body_size": 1_048_576,
    "replayed_header": "Idempotent-Replayed",
    "expires_header": "Idempotency-Key-Expires-In",
    "lifetime": timedelta(days=1),
    "gone_status": 404,
    "follows": (),
    "lease": timedelta(minutes=1),
    "on_unknown": Unknown.FAIL,
    "reconcile": None,
    "pointer": None,
    "database": None,
    "renderer": None,
}
NEVER = {401, 403, 408, 412, 423, 425, 428, 429}


def _status(request: HttpRequest, rest: str) -> HttpResponse:
    """Answer with the status that the path asks for, once the work is done."""
    insert(request)
    return HttpResponse(status=int(rest))


def _kept(client: Client, statuses: range) -> set[int]:
    """Return which answers come back as replays."""
    kept = set()
    for status in statuses:
        first, second = (send(client, key=f'"{status}"', path=f"/{status}") for _ in range(2))
        assert first.status_code == second.status_code == status
        if is_replay(first, second):
            kept.add(status)
    return kept


def test_defaults_are_what_the_documents_say() -> None:
    """A policy that says nothing has these rules; a change of one is a change for every user."""
    policy = IdempotencyPolicy()
    assert {field.name: getattr(policy, field.name) for field in fields(policy)} == DEFAULTS
    assert policy == DEFAULT


def test_a_policy_cannot_be_changed() -> None:
    """A policy that is shared by views is the same for all of them, for ever."""
    policy: Any = IdempotencyPolicy()
    for name in DEFAULTS:
        with pytest.raises(FrozenInstanceError):
            setattr(policy, name, DEFAULTS[name])
    with pytest.raises((AttributeError, TypeError)):
        policy.misspelt = 1
    with pytest.raises(TypeError):
        IdempotencyPolicy((Header("X"),))  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="misspelt"):
        IdempotencyPolicy(misspelt=1)  # type: ignore[call-arg]


def test_policies_are_values() -> None:
    """Equal policies are one: in a set, as a copy, across processes."""
    policies = [IdempotencyPolicy(), IdempotencyPolicy(max_length=255), DEFAULT.but()]
    assert len({*policies, IETF, STRIPE, IETF.but(required=True)}) == 3
    assert copy.deepcopy(IETF) == pickle.loads(pickle.dumps(IETF)) == IETF  # noqa: S301  (our own bytes)


def test_but_changes_a_copy() -> None:
    """`but` changes what it names, leaves the rest and the original, and checks anew."""
    changed = STRIPE.but(max_length=64, required=True)
    assert (changed.max_length, changed.required) == (64, True)
    assert changed.but(max_length=255, required=False) == STRIPE
    assert STRIPE.max_length == 255
    with pytest.raises(PolicyError, match="max_length"):
        STRIPE.but(max_length=257)
    with pytest.raises(TypeError, match="misspelt"):
        STRIPE.but(misspelt=1)


@pytest.mark.databases("sqlite")
def test_by_default_success_is_stored(database: Database, site: Site) -> None:
    """REQ 10: 2xx and 3xx are stored; a refusal has no effect left, and its key is free."""
    client = site(DEFAULT.but(scope=everyone), _status)
    assert _kept(client, range(200, 600)) == set(range(200, 400))
    assert effects() == records() == 200


@pytest.mark.databases("sqlite")
def test_ietf_stores_what_is_deterministic(database: Database, site: Site) -> None:
    """REQ 10: `IETF` stores 400, 402, 404, 410 and 422 too, without their effects."""
    client = site(IETF.but(scope=everyone), _status)
    assert _kept(client, range(400, 600)) == {400, 402, 404, 410, 422}
    assert (effects(), records()) == (0, 5)


@pytest.mark.databases("sqlite")
def test_stripe_stores_all_that_had_begun(database: Database, site: Site) -> None:
    """REQ 10: `STRIPE` stores every error but validation's and those of the moment, 500 included."""
    client = site(STRIPE.but(scope=everyone), _status)
    assert _kept(client, range(400, 600)) == set(range(400, 600)) - NEVER - {400, 422}
    assert effects() == 0


@pytest.mark.databases("sqlite")
def test_ietf_is_the_drafts(database: Database, site: Site) -> None:
    """REQ 13: `IETF` requires a quoted key (400), and answers another body with 422."""
    client = site(IETF.but(scope=everyone))
    assert code(send(client, key=None)) == "idempotency_key_required"
    assert code(send(client, key="bare")) == "invalid_idempotency_key"
    assert is_replay(send(client, {}, key='"k"'), send(client, {}, key='"k"'))
    mismatch = send(client, [], key='"k"')
    assert (mismatch.status_code, code(mismatch)) == (422, "idempotency_conflict")
    assert effects() == 1


@pytest.mark.databases("sqlite")
def test_stripe_is_stripes(database: Database, site: Site) -> None:
    """REQ 13: `STRIPE` takes an optional key to the letter, and refuses in the shape of Stripe's errors."""
    client = site(STRIPE.but(scope=everyone))
    assert send(client, key=None).status_code == 201
    assert is_replay(send(client, {}, key="k"), send(client, {}, key="k"))
    assert send(client, {}, key='"k"').status_code == 201
    mismatch = send(client, [], key="k")
    assert mismatch.status_code == 400
    assert mismatch.headers["Content-Type"] == "application/json"
    assert mismatch.json() == {
        "error": {
            "type": "idempotency_error",
            "code": "idempotency_conflict",
            "message": "A request with another body was already made with this idempotency key.",
        }
    }
    assert send(client, key="k" * 256).json()["error"]["type"] == "idempotency_error"
    assert effects() == 3
