"""What makes a policy wrong, and the sentence that says so."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import NoneType
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction

from .choices import Fingerprint, KeySyntax, Mismatch, Mode, Unknown
from .exceptions import PolicyError
from .identity import ENDPOINT_LENGTH, storable
from .keys import Argument, BodyField, Derived, Header, alphabet

if TYPE_CHECKING:
    from .policy import IdempotencyPolicy

KEY_LENGTH = 256
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a header's name, RFC 9110 section 5.6.2
# These answers depend on the moment or on credentials, not on the request: to replay one would be a lie.
NEVER_STORED = frozenset({401, 403, 408, 412, 423, 425, 428, 429})
# Bound to one connection, one moment or one caller.
NEVER_REPLAYED = re.compile(
    r"set-cookie|date|www-authenticate|proxy-authenticate|authorization|(x-)?rate-?limit.*|(x-)?[cx]srf-?token|"
    r"content-length|transfer-encoding|connection|keep-alive|trailer|upgrade|server",
    re.IGNORECASE,
)


# The types of the fields that Python does not check by itself, and how to say it.
TYPES: dict[str, tuple[Any, str]] = {
    "keys": (tuple, "a tuple of sources: write (Header('Idempotency-Key'),) with the comma"),
    "required": (bool, "True or False"),
    "min_length": (int, "a whole number"),
    "max_length": (int, "a whole number"),
    "characters": (str, "a regular expression for one character"),
    "syntax": (KeySyntax, "a KeySyntax"),
    "methods": (tuple, "a tuple of methods: write ('POST',) with the comma"),
    "scope": (
        (Callable, str, NoneType),
        "a function of the request, its dotted path, or None for the setting's",
    ),
    "endpoint": ((str, NoneType), "a name, or None for the route's"),
    "endpoint_in_key": (bool, "True or False"),
    "fingerprint": (Fingerprint, "a Fingerprint"),
    "fingerprint_fields": (tuple, "a tuple of names: write ('amount',) with the comma"),
    "on_mismatch": (Mismatch, "a Mismatch"),
    "on_other_target": (Mismatch, "a Mismatch"),
    "mismatch_status": (int, "a status"),
    "in_flight_wait": ((int, float), "a number of seconds"),
    "in_flight_status": (int, "a status"),
    "retry_after": (int, "a whole number of seconds"),
    "mode": (Mode, "a Mode"),
    "stored_errors": (frozenset, "a frozenset of statuses"),
    "replayed_headers": (tuple, "a tuple of names: write ('Location',) with the comma"),
    "max_body_size": (int, "a whole number of bytes"),
    "replayed_header": (str, "a header's name"),
    "expires_header": ((str, NoneType), "a header's name, or None for none"),
    "lifetime": ((timedelta, NoneType), "a timedelta, or None for ever"),
    "lease": (timedelta, "a timedelta"),
    "on_unknown": (Unknown, "an Unknown"),
    "reconcile": ((Callable, str, NoneType), "a function of a record, its dotted path, or None"),
    "pointer": ((Callable, str, NoneType), "a function of request and record, its dotted path, or None"),
    "gone_status": (int, "a status"),
    "follows": (tuple, "a tuple of models: write ('shop.Payment',) with the comma"),
    "database": ((str, NoneType), "an alias, or None for the router's"),
    "renderer": ((Callable, str, NoneType), "a function of problem and request, its dotted path, or None"),
}
LEASED_ONLY = ("lease", "on_unknown", "reconcile", "pointer")
# What their members are.
MEMBERS = {
    "methods": str,
    "fingerprint_fields": str,
    "replayed_headers": str,
    "follows": str,
    "stored_errors": int,
}


def check(policy: "IdempotencyPolicy") -> None:
    """Raise PolicyError with every fault of the policy, each naming its field."""
    faults = [*_types(policy)]
    if not faults:  # the other rules compare values, and rely on their types
        rules = (_sources, _shape, _same, _kept, _leased, _replayed, _in_flight)
        faults = [fault for rule in rules for fault in rule(policy)]
    if faults:
        raise PolicyError("This IdempotencyPolicy cannot be kept: " + " ".join(faults))


def _types(policy: "IdempotencyPolicy") -> Iterator[str]:
    for field, (types, meaning) in TYPES.items():
        value = getattr(policy, field)
        mistaken = isinstance(value, bool) and types is not bool  # a bool would pass for a number
        if (
            mistaken
            or not isinstance(value, types)
            or not _members_fit(field, value)
            or not _path_fits(value, types)
        ):
            yield f"{field} must be {meaning}, not {value!r}."
        elif iscoroutinefunction(value):
            yield f"{field} must not be async: the guard calls it, and awaits nothing."


def _members_fit(field: str, value: Any) -> bool:
    member = MEMBERS.get(field)
    return member is None or all(isinstance(each, member) for each in value)


def _path_fits(value: Any, types: Any) -> bool:
    """Whether a text that stands for a function is a dotted path, as far as can be told before it is imported."""
    if not isinstance(value, str) or Callable not in (types if isinstance(types, tuple) else ()):
        return True
    return "." in value and all(part.isidentifier() for part in value.split("."))


def _sources(policy: "IdempotencyPolicy") -> Iterator[str]:
    if not policy.keys:
        yield "keys is empty: name at least one source, such as Header('Idempotency-Key')."
    for source in policy.keys:
        if fault := _source_fault(source):
            yield f"keys holds {source!r}: {fault}."
    if unknown := sorted(set(policy.methods) - {"POST", "PATCH", "PUT", "DELETE"}):
        yield f"methods holds {unknown}: only POST, PATCH, PUT and DELETE can be guarded."
    if not policy.methods:
        yield "methods is empty, so nothing would be guarded."


def _source_fault(source: object) -> str | None:
    match source:
        case Header(str(name)) if TOKEN.fullmatch(name):
            return None
        case Header():
            return "that is no header name"
        case BodyField(str(name)) if name:
            return None
        case BodyField():
            return "a BodyField has the name of a member"
        case Derived(function=function) if iscoroutinefunction(function):
            return "its function must not be async"
        case Derived(function=object(__call__=_)) | Argument():
            return None
        case Derived():
            return "a Derived has a function of the request"
    return "each source is a Header, a BodyField or a Derived"


def _shape(policy: "IdempotencyPolicy") -> Iterator[str]:
    if not 1 <= policy.min_length <= policy.max_length <= KEY_LENGTH:
        yield (
            f"min_length is {policy.min_length} and max_length {policy.max_length}: "
            f"1 <= min_length <= max_length <= {KEY_LENGTH} must hold."
        )
    try:
        if not alphabet(policy.characters):
            yield "characters allows no character: it must match single ones of printable ASCII."
    except re.error as error:
        yield f"characters is no regular expression: {error}."


def _same(policy: "IdempotencyPolicy") -> Iterator[str]:
    if policy.fingerprint_fields and policy.fingerprint is not Fingerprint.SEMANTIC:
        yield "fingerprint_fields need fingerprint=Fingerprint.SEMANTIC."
    if policy.mismatch_status not in (400, 409, 422):
        yield f"mismatch_status is {policy.mismatch_status}: a mismatch is answered by 400, 409 or 422."
    if policy.on_other_target is Mismatch.VALIDATE:
        yield "on_other_target cannot be VALIDATE: a view validates a body, not another target."
    if policy.endpoint is not None and not storable(policy.endpoint, ENDPOINT_LENGTH):
        yield f"endpoint must be 1 to {ENDPOINT_LENGTH} characters of text."
    whole = policy.fingerprint is not Fingerprint.TARGET and not policy.fingerprint_fields
    bound = whole and policy.on_mismatch is Mismatch.REJECT
    if policy.stored_errors and not bound:
        yield (
            "stored_errors must be empty where the key is not bound to the whole body (fingerprint=TARGET, "
            "fingerprint_fields, on_mismatch=REPLAY or VALIDATE): one refused body would refuse every corrected one."
        )


def _kept(policy: "IdempotencyPolicy") -> Iterator[str]:
    if never := sorted(policy.stored_errors & NEVER_STORED):
        yield f"stored_errors holds {never}: these depend on the moment or the credentials, and are never stored."
    if strange := sorted(set(policy.stored_errors) - set(range(400, 600))):
        yield f"stored_errors holds {strange}: only 400 to 599 are errors (success is always stored)."
    if policy.max_body_size < 0:
        yield "max_body_size must not be negative."
    if policy.lifetime is not None and not timedelta(0) < policy.lifetime <= timedelta(days=3660):
        yield "lifetime must be more than nothing and at most ten years, or None."
    for label in policy.follows:
        if label.count(".") != 1:
            yield f"follows holds {label!r}, which is no model: write 'app.Model'."
    if policy.gone_status not in (404, 410):
        yield f"gone_status is {policy.gone_status}: 404, or 410."


def _leased(policy: "IdempotencyPolicy") -> Iterator[str]:
    if policy.mode is Mode.ATOMIC:
        for field in LEASED_ONLY:
            if getattr(policy, field) != type(policy).__dataclass_fields__[field].default:
                yield f"{field} has no meaning without mode=Mode.LEASED."
        return
    if not timedelta(seconds=1) <= policy.lease <= timedelta(days=1):
        yield "lease must be a second to a day."
    if (policy.on_unknown is Unknown.RECONCILE) != (policy.reconcile is not None):
        yield "on_unknown=Unknown.RECONCILE and a reconcile function need each other."


def _replayed(policy: "IdempotencyPolicy") -> Iterator[str]:
    for name in policy.replayed_headers:
        if NEVER_REPLAYED.fullmatch(name):
            yield f"replayed_headers holds {name!r}, which belongs to one moment, connection or caller."
        elif not TOKEN.fullmatch(name):
            yield f"replayed_headers holds {name!r}, which is no header name."
    for field in ("replayed_header", "expires_header"):
        own = getattr(policy, field)
        if own is not None and not TOKEN.fullmatch(own):
            yield f"{field} is {own!r}, which is no header name."
    if policy.expires_header is not None and policy.expires_header.lower() == policy.replayed_header.lower():
        yield "expires_header and replayed_header must differ."


def _in_flight(policy: "IdempotencyPolicy") -> Iterator[str]:
    if not 0 <= policy.in_flight_wait <= 60:
        yield "in_flight_wait must be 0 to 60 seconds: a waiting duplicate holds its worker."
    if policy.in_flight_status not in (409, 503):
        yield f"in_flight_status is {policy.in_flight_status}: 409, or 503."
    if policy.retry_after < 1:
        yield "retry_after must be at least 1 second."
