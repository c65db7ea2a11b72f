"""What makes a policy wrong, and the sentence that says so."""

import re
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from .choices import Fingerprint, KeySyntax, Mismatch, Mode
from .exceptions import PolicyError
from .keys import BodyField, Derived, Header

if TYPE_CHECKING:
    from .policy import IdempotencyPolicy

KEY_LENGTH = 256
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name, RFC 9110 section 5.6.2
# These answers depend on the moment or on credentials, not on the request: to replay one would be a lie.
NEVER_STORED = frozenset({401, 403, 408, 412, 423, 425, 428, 429})
# Bound to one connection, one moment or one caller.
NEVER_REPLAYED = re.compile(
    r"set-cookie|date|www-authenticate|proxy-authenticate|authorization|(x-)?ratelimit.*|x-csrf-?token|"
    r"content-length|transfer-encoding|connection|keep-alive|trailer|upgrade|server",
    re.IGNORECASE,
)


def check(policy: "IdempotencyPolicy") -> None:
    """Raise PolicyError with every fault of the policy, each naming its field."""
    faults = [*_types(policy)]
    if not faults:  # the other rules compare values, and may rely on their types
        faults = [*_key(policy), *_same(policy), *_stored(policy), *_in_flight(policy)]
    if faults:
        raise PolicyError("This IdempotencyPolicy cannot be kept: " + " ".join(faults))


def _types(policy: "IdempotencyPolicy") -> Iterator[str]:
    enums: dict[str, type[Enum]] = {
        "syntax": KeySyntax,
        "fingerprint": Fingerprint,
        "on_mismatch": Mismatch,
        "on_other_target": Mismatch,
        "mode": Mode,
    }
    for field, enum in enums.items():
        if not isinstance(getattr(policy, field), enum):
            yield f"{field} must be one of {', '.join(map(str, enum))}."
    for field in ("keys", "methods", "replayed_headers", "fingerprint_fields"):
        if not isinstance(getattr(policy, field), tuple):
            yield f"{field} must be a tuple: write ({field[:-1]},) with the comma for a single one."
    for field in (
        "min_length",
        "max_length",
        "mismatch_status",
        "in_flight_status",
        "retry_after",
        "max_body_size",
    ):
        if type(getattr(policy, field)) is not int:
            yield f"{field} must be a whole number."
    if not isinstance(policy.in_flight_wait, int | float):
        yield "in_flight_wait must be a number of seconds."
    if not isinstance(policy.stored_errors, frozenset):
        yield "stored_errors must be a frozenset of statuses."
    if policy.lifetime is not None and not isinstance(policy.lifetime, timedelta):
        yield "lifetime must be a timedelta, or None for records that do not expire."
    for field in ("scope", "renderer"):
        value = getattr(policy, field)
        if value is not None and not isinstance(value, str) and not callable(value):
            yield f"{field} must be a function, its dotted path, or None for the setting's."


def _key(policy: "IdempotencyPolicy") -> Iterator[str]:
    if not policy.keys:
        yield "keys is empty: name at least one source, such as Header('Idempotency-Key')."
    for source in policy.keys:
        if not isinstance(source, Header | BodyField | Derived):
            yield f"keys holds {source!r}: each source is a Header, a BodyField or a Derived."
        elif isinstance(source, Header) and not TOKEN.fullmatch(source.name):
            yield f"keys names the header {source.name!r}, which is no header name."
    if not 1 <= policy.min_length <= policy.max_length <= KEY_LENGTH:
        yield f"lengths must satisfy 1 <= min_length <= max_length <= {KEY_LENGTH}, and are {policy.min_length} and {policy.max_length}."
    try:
        re.compile(policy.characters)
    except re.error as error:
        yield f"characters is no regular expression: {error}."
    if unknown := set(policy.methods) - {"POST", "PATCH", "PUT", "DELETE"}:
        yield f"methods holds {sorted(unknown)}: only POST, PATCH, PUT and DELETE can be guarded."
    if not policy.methods:
        yield "methods is empty, so nothing would be guarded."


def _same(policy: "IdempotencyPolicy") -> Iterator[str]:
    if policy.fingerprint_fields and policy.fingerprint is not Fingerprint.SEMANTIC:
        yield "fingerprint_fields need fingerprint=Fingerprint.SEMANTIC."
    if policy.mismatch_status not in (400, 409, 422):
        yield f"mismatch_status is {policy.mismatch_status}: a mismatch is answered by 400, 409 or 422."
    if policy.on_other_target is Mismatch.VALIDATE:
        yield "on_other_target cannot be VALIDATE: a view validates a body, not another target."
    if policy.endpoint is not None and not 0 < len(policy.endpoint) <= 255:
        yield "endpoint must be 1 to 255 characters."
    bound = policy.fingerprint is not Fingerprint.TARGET and policy.on_mismatch is Mismatch.REJECT
    if policy.stored_errors and not bound:
        yield (
            "stored_errors must be empty where the key is not bound to the body "
            "(fingerprint=TARGET, on_mismatch=REPLAY or VALIDATE): one refused body would refuse every corrected one."
        )


def _stored(policy: "IdempotencyPolicy") -> Iterator[str]:
    if policy.mode is Mode.LEASED:
        yield "mode=Mode.LEASED is not available in this version; Mode.ATOMIC is."
    if never := policy.stored_errors & NEVER_STORED:
        yield f"stored_errors holds {sorted(never)}: these depend on the moment or the credentials, and are never stored."
    if strange := [status for status in policy.stored_errors if status not in range(400, 600)]:
        yield f"stored_errors holds {sorted(strange)}: only 400 to 599 are errors (success is always stored)."
    for name in policy.replayed_headers:
        if NEVER_REPLAYED.fullmatch(name):
            yield f"replayed_headers holds {name!r}, which belongs to one moment, connection or caller."
        elif not TOKEN.fullmatch(name):
            yield f"replayed_headers holds {name!r}, which is no header name."
    for field in ("replayed_header", "expires_header"):
        name = getattr(policy, field)
        if name is not None and not TOKEN.fullmatch(name):
            yield f"{field} is {name!r}, which is no header name."
    if policy.max_body_size < 0:
        yield "max_body_size must not be negative."
    if policy.lifetime is not None and not timedelta(0) < policy.lifetime <= timedelta(days=3660):
        yield "lifetime must be more than nothing and at most ten years, or None."


def _in_flight(policy: "IdempotencyPolicy") -> Iterator[str]:
    if not 0 <= policy.in_flight_wait <= 60:
        yield "in_flight_wait must be 0 to 60 seconds: a waiting duplicate holds its worker."
    if policy.in_flight_status not in (409, 503):
        yield f"in_flight_status is {policy.in_flight_status}: 409, or 503."
    if policy.retry_after < 1:
        yield "retry_after must be at least 1 second."
