"""What of a response is stored, and how a stored one becomes a response again."""

import json
from functools import lru_cache
from typing import NamedTuple

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from .ciphers import ring
from .policy import IdempotencyPolicy

# Without these the stored bytes cannot be read.
REPRESENTATION_HEADERS = ("Content-Type", "Content-Encoding")


class Snapshot(NamedTuple):
    """
    A response, as it is stored.

    Attributes:
        body: None where it was not kept (streamed, or larger than the policy allows).
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes | None
    # The id of the key that the body is encrypted with; empty where it is not.
    sealed_with: str = ""

    def sealed(self, digest: str) -> "Snapshot":
        """Encrypt the body for the record of this digest, where IDEMPOTENCY["ENCRYPTION_KEYS"] wants that."""
        keys = ring()
        if keys is None or self.body is None:
            return self
        return self._replace(body=keys.seal(digest, self.body), sealed_with=keys.first)

    @property
    def columns(self) -> tuple[int, str, bytes | None, str]:
        """The values of a record's columns response_status, response_headers, response_body and sealed_with."""
        return self.status, self.header_text, self.body, self.sealed_with

    @property
    def header_text(self) -> str:
        """The headers for a text column."""
        return _text(self.headers)

    def __repr__(self) -> str:
        return f"<Snapshot {self.status}>"  # neither body nor headers: it ends up in error reports


def capture(response: HttpResponseBase, policy: IdempotencyPolicy) -> Snapshot:
    """Take what the policy keeps of a rendered response."""
    kept = _kept(policy.replayed_headers)
    sent = response.headers
    headers = tuple([(name, sent[name]) for name in sent if name.lower() in kept])
    # A stream is read once, by the client: reading it here would hold all of it in memory, or run it twice.
    body = response.content if isinstance(response, HttpResponse) else None
    if body is not None and len(body) > policy.max_body_size:
        body = None
    return Snapshot(response.status_code, headers, body)


@lru_cache
def _kept(replayed: tuple[str, ...]) -> frozenset[str]:
    """The names of headers that are kept, in lower case."""
    return frozenset(name.lower() for name in (*REPRESENTATION_HEADERS, *replayed))


@lru_cache
def _text(headers: tuple[tuple[str, str], ...]) -> str:
    return json.dumps(headers, separators=(",", ":"))


@lru_cache
def stored_headers(text: str) -> tuple[tuple[str, str], ...]:
    """Read what `Snapshot.header_text` wrote."""
    return tuple((name, value) for name, value in json.loads(text or "[]"))


def fill(response: HttpResponse, status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    """Make a new response equal to a stored one: status, headers, bytes, and no Content-Type that was not there."""
    response.status_code = status
    response.content = body
    del response.headers["Content-Type"]
    for name, value in headers:
        response.headers[name] = value
