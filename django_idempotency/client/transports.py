"""The two transports: they send, wait and hand on, as an operation tells them."""

import secrets
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import aclosing, closing
from math import inf
from typing import TYPE_CHECKING, Any, Self

from .operations import Operation, Rules

if TYPE_CHECKING:
    # To a type checker, what inherits from it is a transport of either library.
    Base = Any
else:
    Base = object


def new_key() -> str:
    """Make a key: the shape of a UUID, and 128 random bits, which a UUID of version 4 has not (RFC 9562: 122)."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16)))


class Transport(Base):  # type: ignore[misc]  # of the two libraries, either or both may be absent
    """
    What the two transports have in common.

    Args:
        inner: what sends each attempt. TLS, proxies, limits and HTTP/2 are set there: a client that is given a
            transport ignores its own arguments for them.
        header: where the key travels. One that is there already is kept.
        methods: what gets a key. Other requests are sent again only if their method is idempotent by RFC 9110.
        attempts: how often an operation is sent at most, the first time included.
        patience: seconds since the first attempt; no pause is begun that would end later. None for no such limit.
        make_key: a function of nothing that returns a new key: printable ASCII, and at least 128 random bits.
        sleep: waits that many seconds, for tests; awaited by the asynchronous one.

    Raises:
        ValueError: there is no attempt; when sending, a key that cannot travel in a header.
    """

    def __init__(
        self,
        inner: Any,
        *,
        header: str = "Idempotency-Key",
        methods: Collection[str] = ("POST", "PATCH"),
        attempts: int = 3,
        patience: float | None = None,
        make_key: Callable[[], str] = new_key,
        sleep: Callable[[float], Any] | None = None,
    ) -> None:
        if attempts < 1:
            raise ValueError("An operation takes at least one attempt.")
        self.inner = inner
        self.sleep = sleep
        self.rules = Rules(
            header=header,
            methods=frozenset(method.upper() for method in methods),
            attempts=attempts,
            patience=inf if patience is None else patience,
            make_key=make_key,
        )


class IdempotentTransport(Transport):
    """A transport for `httpx.Client`, around another one."""

    def handle_request(self, request: Any) -> Any:
        """Send a request until its outcome is final; return the answer, or raise the last attempt's error."""
        operation = Operation(self.rules, request)
        while True:
            try:
                response = self.inner.handle_request(operation.attempt())
                pause = operation.pause(response)
                if pause is None:
                    if not operation.reads(response):
                        return operation.answer(response)
                    with closing(response.stream) as stream:
                        body = list(stream)
                    return operation.answer(response, body)
                response.close()
            except Exception as error:
                pause = operation.pause(error)
                if pause is None:
                    raise
            (self.sleep or time.sleep)(pause)

    def __enter__(self) -> Self:
        self.inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.inner.__exit__(*error)

    def close(self) -> None:
        """Close the inner transport."""
        self.inner.close()


class AsyncIdempotentTransport(Transport):
    """A transport for `httpx.AsyncClient`, around another one, on asyncio or trio."""

    async def handle_async_request(self, request: Any) -> Any:
        """As `handle_request`; no pause is begun that would outlast a deadline of anyio, and any can be cancelled."""
        # What both libraries stand on.
        import anyio

        def left() -> float:
            return anyio.current_effective_deadline() - anyio.current_time()

        operation = Operation(self.rules, request)
        while True:
            try:
                response = await self.inner.handle_async_request(operation.attempt())
                pause = operation.pause(response, left())
                if pause is None:
                    if not operation.reads(response):
                        return operation.answer(response)
                    async with aclosing(response.stream) as stream:
                        body = [part async for part in stream]
                    return operation.answer(response, body)
                await response.aclose()
            except Exception as error:
                pause = operation.pause(error, left())
                if pause is None:
                    raise
            await (self.sleep or anyio.sleep)(pause)

    async def __aenter__(self) -> Self:
        await self.inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.inner.__aexit__(*error)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self.inner.aclose()
