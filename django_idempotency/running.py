"""The guarded handlers that run in this very call stack, the innermost first."""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .identity import Identity
    from .lease import Lease
    from .resources import Resource


@dataclass(slots=True, eq=False)
class Running:
    """
    One of them; it is under way for the time of its `with`.

    Attributes:
        outer: the one that called it, if any.
        lease: its claim, in mode leased.
        resource: what it has bound so far.
        harmless: the exception of which it said that nothing had happened before.

    See `handlers` for what a handler does with these.
    """

    identity: "Identity"
    outer: "Running | None"
    lease: "Lease | None" = None
    resource: "Resource | None" = None
    harmless: Exception | None = None

    def __enter__(self) -> "Running":
        _innermost.set(self)
        return self

    def __exit__(self, *raised: object) -> None:
        _innermost.set(self.outer)


_innermost: ContextVar[Running | None] = ContextVar("idempotency_running", default=None)


def innermost() -> Running | None:
    """The one whose code is running now."""
    return _innermost.get()


def lease() -> "Lease | None":
    """The claim of mode leased under which it runs: its own, or that of the one that has called it."""
    running = _innermost.get()
    while running is not None and running.lease is None:
        running = running.outer
    return None if running is None else running.lease


def includes(identity: "Identity") -> bool:
    """Whether this very request is under way further out: it is guarded twice, by a mixin and a decorator."""
    running = _innermost.get()
    while running is not None and running.identity.digest != identity.digest:
        running = running.outer
    return running is not None


def run(identity: "Identity", lease: "Lease | None" = None) -> Running:
    """A handler that is about to run."""
    return Running(identity, _innermost.get(), lease)
