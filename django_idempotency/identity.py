"""Who used which key where: the digest that is a record's primary key."""

import hashlib
from functools import lru_cache
from typing import NamedTuple, Self
from uuid import UUID, uuid5

from .exceptions import ScopeRequired

SCOPE_LENGTH = 255
ENDPOINT_LENGTH = 255
# The namespace of keys for other services. Never to be changed: a retry must derive the same.
DOWNSTREAM = UUID("a1f6f3b2-4c0e-5d9c-8f6a-2b7f1e7c9d34")


class Identity(NamedTuple):
    """
    (scope, endpoint, key), and their digest.

    Attributes:
        digest: 64 hexadecimal digits. The first 16 come from the scope alone, so that a table
            partitioned or sharded by the prefix of its primary key keeps a tenant together.
    """

    scope: str
    endpoint: str
    key: str
    digest: str

    @classmethod
    def of(cls, scope: str, endpoint: str, key: str, *, endpoint_in_key: bool = True) -> Self:
        """
        Digest the three parts.

        Args:
            endpoint_in_key: False where a key means the same at every endpoint.

        Raises:
            ScopeRequired: the scope cannot be stored (empty, too long, NUL, a lone surrogate).
        """
        digits = prefix(scope)
        one, two, three = scope.encode(), endpoint.encode() if endpoint_in_key else b"", key.encode()
        # Length-prefixed: without that, ("a|bc", "d") and ("a", "bc|d") would share a record.
        joined = b"%d:%b%d:%b%d:%b" % (len(one), one, len(two), two, len(three), three)
        return cls(scope, endpoint, key, digits + hashlib.sha256(joined).hexdigest()[:48])

    @property
    def lock(self) -> int:
        """A signed 64-bit number for the databases that lock by number."""
        return int.from_bytes(bytes.fromhex(self.digest[-16:]), signed=True)

    def __repr__(self) -> str:
        return f"<Identity {self.digest[:24]}>"  # the key itself stays out of logs and tracebacks


@lru_cache(1024)
def prefix(scope: str) -> str:
    """
    The digits that the digests of a scope have in common.

    Raises:
        ScopeRequired: the scope cannot be stored.
    """
    if not storable(scope, SCOPE_LENGTH):
        raise ScopeRequired(f"The caller's scope must be 1 to {SCOPE_LENGTH} characters of text.")
    return hashlib.sha256(scope.encode()).hexdigest()[:16]


def span(scope: str) -> tuple[str, str]:
    """Two texts between which all digests of a scope are, in byte order: a range of the primary key."""
    first = prefix(scope)
    return first, first + "g"  # behind every hexadecimal digit


def derive(digest: str, name: str) -> str:
    """Make another key of a record's digest, for a service that its handler calls: a UUID by name, RFC 9562 5.5."""
    return str(uuid5(DOWNSTREAM, f"{digest}:{name}"))


def endpoint_name(method: str, route: str) -> str:
    """Name an endpoint: method and route name. One that is too long for its column ends in a digest of the rest."""
    name = f"{method} {route}"
    return name if len(name) <= ENDPOINT_LENGTH else shortened(name)


def shortened(name: str) -> str:
    """A name, as long as the column of endpoints; in place of what is cut off stands a digest of all of it."""
    return f"{name[: ENDPOINT_LENGTH - 17]}~{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def storable(text: str, length: int) -> bool:
    """Whether every database stores the text as it is: neither empty nor too long, no NUL, no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return 0 < len(text) <= length and "\0" not in text
