"""
What "the same request" means: a versioned digest of the target and of the body.

    1:<digest of method, path and query>:<kind><digest of the body>

Kinds: `s` semantic, `r` raw, `f` and eight digits for named fields only, and `-` alone for a key not bound to the body.

A stored fingerprint is judged by the version and the kind that it was made with, so that two versions of this
package (or of a policy), running side by side while a deployment rolls out, refuse nobody.
"""

import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from .choices import Fingerprint

if TYPE_CHECKING:
    from .calls import Call

VERSION = "1"
UNBOUND = "-"
SEMANTIC = "s"
RAW = "r"
DIGITS = 64
KINDS = {Fingerprint.SEMANTIC: SEMANTIC, Fingerprint.RAW: RAW, Fingerprint.TARGET: UNBOUND}
# Told by their types alone, before anything is asked whether it is like a mapping.
NUMBERS = (int, float, type(None))
MAPPINGS = (dict, Mapping)


class Match(Enum):
    """How a request compares with the one that a record was made by."""

    SAME = "same"
    OTHER_BODY = "other body"
    OTHER_TARGET = "other target"


class Taken(NamedTuple):
    """
    A fingerprint, and the body that it was made of.

    Attributes:
        written: see `Call.written`; None where that was not looked at.
    """

    fingerprint: str
    written: bytes | None = None


def take(call: "Call[Any]", before: Taken | None = None) -> Taken:
    """
    The fingerprint of a request, as its policy wants it.

    Args:
        before: what was taken of a request that this one likely repeats: the same bytes are not parsed again.

    Raises:
        InvalidBody: the body cannot be read.
    """
    kind = _kind(call)
    target = f"{VERSION}:{_target(call.method, call.path, call.query)}:"
    written = None
    if before is not None and kind not in (UNBOUND, RAW):
        written = call.written()
        if written is not None and written == before.written and before.fingerprint.startswith(target + kind):
            return before
    return Taken(target + _body(call, kind), written)


def compare(stored: str, current: str, call: "Call[Any]") -> Match:
    """Compare the fingerprint of a record with the one of this request."""
    if stored == current:
        return Match.SAME
    version, _, rest = stored.partition(":")
    if version != VERSION:  # made by a newer version than this one: not ours to judge, and nobody is refused
        return Match.SAME
    target, _, body = rest.partition(":")
    _, current_target, current_body = current.split(":")
    if target != current_target:
        return Match.OTHER_TARGET
    kind, current_kind = (text[:-DIGITS] or UNBOUND for text in (body, current_body))
    if kind != current_kind:
        if kind.startswith("f"):  # only the policy that made it knows its fields: nobody is refused
            return Match.SAME
        current_body = _body(call, kind)
    return Match.SAME if UNBOUND in (body, current_body) or body == current_body else Match.OTHER_BODY


@lru_cache
def _target(method: str, path: str, query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"), key=itemgetter(0))
    return _digest([method, path, *map(list, pairs)])


def _kind(call: "Call[Any]") -> str:
    policy = call.policy
    if policy.fingerprint_fields:
        return f"f{_digest(sorted(set(policy.fingerprint_fields)))[:8]}"
    return KINDS[policy.fingerprint]


def _body(call: "Call[Any]", kind: str) -> str:
    if kind == UNBOUND:
        return UNBOUND
    if kind == RAW:
        if (raw := call.body()) is not None:
            return kind + hashlib.sha256(raw).hexdigest()
        kind = SEMANTIC
    data = call.data()
    if kind != SEMANTIC and isinstance(data, Mapping):
        getter = data.getlist if hasattr(data, "getlist") else data.__getitem__
        data = {name: getter(name) for name in call.policy.fingerprint_fields if name in data}
    return kind + _digest(data)


def _digest(value: Any) -> str:
    digest = hashlib.sha256()
    _write(value, digest.update)  # token by token: all of them together take many times as much as the body
    return digest.hexdigest()


def _write(value: Any, write: Callable[[bytes], object]) -> None:
    """Write a parsed body down so that equal data, and only equal data, gives equal bytes; without recursion."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            # Every token carries its length or its count, so no two values share an encoding.
            text = item.encode("utf-8", "surrogatepass")
            write(b"s%d:%b" % (len(text), text))
        elif isinstance(item, NUMBERS):
            write(_scalar(item))
        elif isinstance(item, MAPPINGS):
            pairs = sorted(_pairs(item), key=lambda pair: (type(pair[0]).__name__, str(pair[0])))
            write(b"{%d:" % len(pairs))
            for name, member in reversed(pairs):
                stack += (member, name)
        elif isinstance(item, list | tuple):
            write(b"[%d:" % len(item))
            stack.extend(reversed(item))
        elif hasattr(item, "chunks"):
            write(_file(item))
        else:
            write(_scalar(item))


def _pairs(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    # A form may name a field twice, and items() would show the last one only.
    return list(mapping.lists() if hasattr(mapping, "lists") else mapping.items())


def _scalar(value: Any) -> bytes:
    if value is None or isinstance(value, bool):
        return f"{value};".encode()
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        return b"b%d:%b" % (len(raw), raw)
    # What a parser for another format yields: dates, UUIDs. Their text is their value.
    text = f"{type(value).__name__}:{value}".encode("utf-8", "surrogatepass")
    return b"o%d:%b" % (len(text), text)


def _number(value: int | float | Decimal) -> bytes:
    """1 equals 1.0; integers are exact at any size, in hexadecimal, which has no limit on digits."""
    if isinstance(value, Decimal) and value.is_finite() and -400 < value.adjusted() < 400:
        if value != value.to_integral_value():
            # Not normalize(), which would round to the precision of the context.
            return b"d%b;" % f"{value:f}".rstrip("0").encode()
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return b"i%x;" % value if isinstance(value, int) else f"d{value!r};".encode()


def _file(upload: Any) -> bytes:
    """An uploaded file: its name, type and content; the boundary around it is new with each retry."""
    content = hashlib.sha256()
    for chunk in upload.chunks():
        content.update(chunk)
    upload.seek(0)  # the handler reads it from the start
    text = f"{upload.name}\0{upload.content_type}\0{content.hexdigest()}".encode("utf-8", "surrogatepass")
    return b"u%d:%b" % (len(text), text)
