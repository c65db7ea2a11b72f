"""Where the key travels, and what a key may look like."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .choices import KeySyntax
from .exceptions import InvalidKey, KeyRequired

if TYPE_CHECKING:
    from .calls import Call

PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]
# RFC 9651 section 3.3.3: printable ASCII between quotes; a quote or a backslash inside is escaped.
SF_STRING = re.compile(r'"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')


@dataclass(frozen=True, slots=True)
class Header:
    """A key in a request header."""

    name: str

    def read(self, call: "Call[Any]") -> str | None:
        value = call.header(self.name)
        if value is None:
            return None
        if "," in value:  # servers join two lines of one header by a comma, so this may be two keys
            raise InvalidKey(f"{self.name} holds a comma, or was sent twice.")
        return _unwrap(value, self.name, call.policy.syntax)


@dataclass(frozen=True, slots=True)
class BodyField:
    """A key in a member of the request's body, taken to the letter."""

    name: str

    def read(self, call: "Call[Any]") -> str | None:
        data = call.data()
        if not isinstance(data, Mapping) or self.name not in data:
            return None
        values = data.getlist(self.name) if hasattr(data, "getlist") else [data[self.name]]
        if not values or any(not isinstance(value, str) for value in values):
            raise InvalidKey(f"{self.name} must be a string.")
        if len(set(values)) > 1:
            raise InvalidKey(f"{self.name} was sent twice, with different values.")
        return str(values[0])


@dataclass(frozen=True, slots=True)
class Derived:
    """
    A key made from the request itself, where the client sent none.

    Args:
        function: of the request; the text it returns is hashed, so it may be of any length. None: no key.
        marked: whether its replays say that they are. False where a client that sent no key expects none.
    """

    function: Callable[[Any], str | None]
    marked: bool = True

    def read(self, call: "Call[Any]") -> str | None:
        text = self.function(call.request)
        if text is None:
            return None
        # The tab is what no client can send, so nobody's own key is ever a derived one.
        return "derived\t" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Argument:
    """A key of a call that is no HTTP request: what a function makes of its arguments, taken to the letter."""

    function: Callable[[Any], str | None]
    name: ClassVar[str] = "its arguments"

    def read(self, call: "Call[Any]") -> str | None:
        return self.function(call.request)


KeySource = Header | BodyField | Derived | Argument


class Key(NamedTuple):
    """A key, and whether its replays say that they are."""

    text: str
    marked: bool = True

    def __repr__(self) -> str:
        return f"<Key of {len(self.text)} characters>"  # it ends up in error reports


def read_key(call: "Call[Any]") -> Key | None:
    """
    The idempotency key of a request; None where it has none and needs none.

    Raises:
        KeyRequired: none, where the policy requires one.
        InvalidKey: malformed, or two sources that differ. A malformed key never means "run unguarded".
    """
    policy = call.policy
    sent: str | None = None
    for source in policy.keys:
        if isinstance(source, Derived) or (key := source.read(call)) is None:
            continue
        if sent not in (None, _valid(key, call)):
            raise InvalidKey("Two different idempotency keys were sent.")
        sent = key
    if sent is not None:
        return Key(sent)
    for source in policy.keys:
        if isinstance(source, Derived) and (key := source.read(call)) is not None:
            return Key(key, source.marked)
    if policy.required:
        names = " or ".join(source.name for source in policy.keys if not isinstance(source, Derived))
        place = f" in {names}" if names else ""
        raise KeyRequired(f"Send an idempotency key{place}, and the same one with each retry.")
    return None


@lru_cache
def alphabet(characters: str) -> frozenset[str]:
    """
    The characters that a policy's expression allows; of printable ASCII only.

    Asked once for each character, never of a key: an expression that is repeated, such as `[a-z]+`, could take for
    ever to say no to a long one.
    """
    return frozenset(character for character in PRINTABLE if re.fullmatch(characters, character))


def _unwrap(value: str, name: str, syntax: KeySyntax) -> str:
    if syntax is KeySyntax.LITERAL or (syntax is KeySyntax.LENIENT and '"' not in value):
        return value
    if match := SF_STRING.fullmatch(value.strip(" ")):
        return re.sub(r"\\(.)", r"\1", match[1])
    if syntax is KeySyntax.STRICT:
        raise InvalidKey(f'{name} must be a quoted string, such as "8e03978e-40d5-43dd-bc93-6894a57f9324".')
    raise InvalidKey(f"{name} holds an unbalanced quote.")


def _valid(key: str, call: "Call[Any]") -> str:
    policy = call.policy
    if not policy.min_length <= len(key) <= policy.max_length:
        raise InvalidKey(
            f"The idempotency key has {len(key)} characters; {policy.min_length} to {policy.max_length} are allowed."
        )
    if not key.strip(" "):
        raise InvalidKey("The idempotency key is blank.")
    # Non-ASCII is never accepted: servers pass header bytes on as Latin-1, so it would not be what the client sent.
    if not alphabet(policy.characters).issuperset(key):
        raise InvalidKey("The idempotency key holds a character that is not allowed.")
    return key
