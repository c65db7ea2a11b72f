"""What a guarded handler may say, and ask, while it runs; each does no harm where no guard is under way."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from asgiref.sync import sync_to_async
from django.db.models import Model

from . import running
from .identity import derive
from .resources import Resource


def bind(instance: Model) -> None:
    """
    Bind the record of the guarded request that is under way to an object that it made.

    Once the object is deleted, the request's key is answered with `not_found`: neither with a response that tells
    of what is gone, nor by making it again. In mode leased, duplicates in flight can be pointed to it from now on.
    The last call counts. Without a guard (no key sent, or switched off) it does nothing.

    Raises:
        TypeError: no model instance.
        ValueError: not saved, or its key is longer than a record holds.
        LeaseLost: see `extend`.
    """
    resource = Resource.of(instance)
    handler = running.innermost()
    if handler is None:
        return
    handler.resource = resource
    if handler.lease is not None:
        handler.lease.bind(resource)


def downstream_key(name: str = "") -> str:
    """
    An idempotency key for a service that the handler calls: the same in each attempt of the same request.

    36 characters, in the form of a UUID. Without a guard, a new one for each call, as the request is a new one.

    Args:
        name: one for each call, where a handler makes several.
    """
    handler = running.innermost()
    return str(uuid4()) if handler is None else derive(handler.identity.digest, name)


def extend(seconds: float | None = None) -> None:
    """
    Mode leased: hold the claim for so many seconds from now; by default for the policy's `lease`.

    In mode atomic, which has no lease, it does nothing; unless a leased handler has called that one, whose claim it
    then holds.

    Raises:
        LeaseLost: the lease was over, and the claim has gone to another attempt or was resolved. Let it pass: all
            that the handler wrote is rolled back, and the answer is the winner's.
    """
    if (lease := running.lease()) is not None:
        lease.extend(seconds)


async def abind(instance: Model) -> None:
    """`bind`, for async views."""
    await sync_to_async(bind)(instance)


async def aextend(seconds: float | None = None) -> None:
    """`extend`, for async views."""
    await sync_to_async(extend)(seconds)


@contextmanager
def harmless() -> Iterator[None]:
    """
    Mode leased: an exception out of this block says that nothing has happened outside, so the key is free again.

    For what comes before the first effect: `with harmless(): serializer.is_valid(raise_exception=True)`.
    """
    try:
        yield
    except Exception as error:
        handler = running.innermost()
        if handler is not None:
            handler.harmless = error
        raise
