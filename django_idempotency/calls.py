"""What a face and the engine hand to each other: a `Call` down; `Executed`, `Pointed` or `Replayed` up."""

from abc import ABC, abstractmethod
from typing import Any, Generic, NamedTuple, TypeVar

from .choices import Finding
from .claims.base import Row
from .identity import Identity
from .policy import IdempotencyPolicy
from .responses import Snapshot

R = TypeVar("R")


class Call(ABC, Generic[R]):
    """
    One call of a guarded endpoint. `R` is the type of the handler's own response.

    Attributes:
        request: what scope functions, hooks and renderers are given.
        method, path, query: the concrete target, arguments included.
        endpoint: method and route name; one endpoint whatever its path arguments.
    """

    request: Any
    policy: IdempotencyPolicy
    method: str
    path: str
    query: str
    endpoint: str
    # The exception that `run` has made a response of, if any.
    raised: Exception | None = None
    # False: the engine has let the handler run bare.
    guarded: bool = True

    @abstractmethod
    def header(self, name: str) -> str | None:
        """The header as it arrived; None when it is absent (an empty one is present)."""

    @abstractmethod
    def data(self) -> Any:
        """
        The parsed body that the handler sees, parsed once.

        Raises:
            InvalidBody: nested too deeply to be parsed, or cut off.
        """

    @abstractmethod
    def body(self) -> bytes | None:
        """The body's bytes; None where they were read, and parsed, before the call was made."""

    @abstractmethod
    def written(self) -> bytes | None:
        """
        The body as it came, to be compared: a digest of its bytes, and of what says how they are to be read.

        None where the bytes are not at hand.
        """

    @abstractmethod
    def bare(self) -> R:
        """Run the handler as if there were no guard."""

    @abstractmethod
    def run(self) -> R:
        """Run the handler; return its response finished and rendered. What it raises is passed on."""

    @abstractmethod
    def status(self, response: R) -> int:
        """The status of a response."""

    @abstractmethod
    def status_of(self, error: Exception) -> int | None:
        """The status that the framework makes of an exception; None where that cannot be told from here."""

    @abstractmethod
    def capture(self, response: R) -> Snapshot:
        """What a replay of this response needs."""

    @abstractmethod
    def before_replay(self, identity: Identity, row: Row) -> None:
        """The view's last word before its stored response is handed out; it raises to refuse."""

    @abstractmethod
    def reconcile(self, identity: Identity, row: Row) -> Snapshot | Finding:
        """What the policy's hook finds out about a request whose worker was lost."""

    @abstractmethod
    def pointer(self, identity: Identity, row: Row) -> R:
        """The policy's answer to a duplicate in flight: where to look for what is being made."""

    @abstractmethod
    def validate_replay(self) -> None:
        """Validate a body that differs from the first one, as the view would; it raises to refuse."""


class Executed(NamedTuple, Generic[R]):
    """The handler ran, and this is its own response."""

    response: R
    stored: bool


class Pointed(Executed[R]):
    """The handler of another request runs; this is where to look for what it makes. Nothing is stored."""

    __slots__ = ()


class Replayed(NamedTuple):
    """The handler did not run; this is what it once answered."""

    row: Row
    # Whether the response says so.
    marked: bool
