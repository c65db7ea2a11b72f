"""
Transports for httpx and httpx2: an operation keeps one idempotency key until it is answered.

    httpx.Client(transport=IdempotentTransport(httpx.HTTPTransport()))
    httpx.AsyncClient(transport=AsyncIdempotentTransport(httpx.AsyncHTTPTransport()))

It asks for no settings of Django's, and imports neither of the two libraries: whoever has a transport to wrap has
imported one.
"""

from .answers import is_replay, key_of
from .transports import AsyncIdempotentTransport, IdempotentTransport

__all__ = ["AsyncIdempotentTransport", "IdempotentTransport", "is_replay", "key_of"]
