"""How a system tells the demo about itself: its rules once, and a few lines for each endpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from testproject.demo.caller import Caller

Body = dict[str, Any]


@dataclass(frozen=True)
class KeyInHeader:
    """A key that travels in a header."""

    name: str

    def put(self, key: str, headers: dict[str, str], body: Body) -> Body:
        headers[self.name] = key
        return body


@dataclass(frozen=True)
class KeyInBody:
    """A key that travels in a member of the body."""

    name: str

    def put(self, key: str, headers: dict[str, str], body: Body) -> Body:
        return {**body, self.name: key}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a system promises, as far as a client can see it."""

    key: KeyInHeader | KeyInBody
    # The status that refuses a key which comes back with another body. None: the first result is replayed.
    other_body: int | None
    # Headers of a replay that equal the first answer's, beside Content-Type and Location.
    same_headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effect:
    """A number that the API shows, and that grows by ``each`` whenever the operation happens (negative: shrinks)."""

    path: str
    member: str
    each: int = 1

    def read(self, caller: "Caller", arguments: Mapping[str, str]) -> int:
        """Read it from outside, over HTTP."""
        return int(caller.get(self.path.format(**arguments))[self.member])


def no_target(caller: "Caller") -> dict[str, str]:
    """A path without arguments needs nothing to be there."""
    return {}


@dataclass(frozen=True)
class Endpoint:
    """One POST of a system."""

    # With its arguments in braces.
    path: str
    # A valid body, a different one for each number.
    body: Callable[[int], Body]
    # Where it shows how often it happened.
    effect: Effect
    # Other places that must show the same.
    also: tuple[Effect, ...] = ()
    # Makes what the path (or the body) names, and tells the arguments.
    target: Callable[["Caller"], dict[str, str]] = no_target
    # Which of these arguments travel in the body, under the same names.
    in_body: tuple[str, ...] = ()
    # Whether a request without a key has one all the same, which the server makes of the body.
    derives_key: bool = False

    def __str__(self) -> str:
        return f"POST {self.path}"
