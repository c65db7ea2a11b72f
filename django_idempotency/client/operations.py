"""One operation: its key, its attempts, and the pauses between them."""

import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

from .answers import EXTENSION, is_number, key_of, passing, retry_after

LIBRARIES = ("httpx", "httpx2")
# Anything that leaves open whether the server did the work.
LOST = ("TimeoutException", "NetworkError", "RemoteProtocolError")
# RFC 9110, 9.2.2: what may be sent again without a key.
IDEMPOTENT = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}
# Seconds.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 60.0
# Bytes of an answer that are read before it is handed on, so that one which breaks off is asked for again.
READ_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a transport was told; `Transport` says what each means."""

    header: str
    methods: frozenset[str]
    attempts: int
    patience: float
    make_key: Callable[[], str]


class Operation:
    """One request and all its attempts: what is sent, and when it is sent again."""

    def __init__(self, rules: Rules, request: Any) -> None:
        self.rules = rules
        self.request = request
        self.began = time.monotonic()
        self.made = 0
        key = key_for(request, rules)
        self.keyed = key is not None
        headers = request.headers.copy()
        if key is not None:
            headers[rules.header] = key
            # Not among the caller's headers, but where redirects, and this request sent again, find the same key.
            request.extensions = {**request.extensions, EXTENSION: key}
        self.sent = type(request)(
            request.method, request.url, headers=headers, stream=request.stream, extensions=request.extensions
        )
        # Only what is in memory is the same bytes each time: generators and files are where they were left.
        self.repeatable = isinstance(request.stream, kinds("ByteStream")) and (
            self.keyed or request.method in IDEMPOTENT
        )

    def attempt(self) -> Any:
        """The request to send."""
        self.made += 1
        return self.sent

    def pause(self, outcome: Any, left: float = inf) -> float | None:
        """
        Tell how many seconds to wait before the next attempt.

        Args:
            outcome: the response, or the exception.
            left: seconds until the caller stops waiting.

        Returns:
            None where the outcome is the caller's: it is final, or nothing more is allowed.
        """
        if self.made >= self.rules.attempts or not self.repeatable or not self.passing(outcome):
            return None
        asked = None if isinstance(outcome, Exception) else retry_after(outcome)
        if asked is None:
            # Jitter, or all clients of a server that fell over come back at once.
            doubled = min(FIRST_PAUSE * 2 ** (self.made - 1), LONGEST_PAUSE)
            seconds = doubled * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        else:
            seconds = min(asked, LONGEST_RETRY_AFTER)
        left = min(left, self.began + self.rules.patience - time.monotonic())
        return seconds if seconds <= left else None

    def passing(self, outcome: Any) -> bool:
        """Tell whether the next attempt may end otherwise than this one."""
        if isinstance(outcome, Exception):
            return isinstance(outcome, kinds(*LOST))
        return passing(outcome, self.keyed)

    def reads(self, response: Any) -> bool:
        """Tell whether to read an answer here; a stream of events has no length, and is handed on as it comes."""
        length = response.headers.get("Content-Length", "")
        untouched = not (response.is_stream_consumed or response.is_closed)
        return self.repeatable and untouched and is_number(length) and float(length) <= READ_AT_ONCE

    def answer(self, response: Any, body: list[bytes] | None = None) -> Any:
        """The response for the caller, with the key on it; its body, if it was read, in place of the connection."""
        if body is not None:
            response.stream = type(self.sent.stream)(b"".join(body))
        if (key := key_of(self.request)) is not None:
            response.extensions = {**response.extensions, EXTENSION: key}
        return response


def key_for(request: Any, rules: Rules) -> str | None:
    """The caller's key, else that of an earlier try with this very request, else a new one; None for no key."""
    key: str | None = request.headers.get(rules.header)
    if key is None and request.method in rules.methods:
        key = key_of(request) or rules.make_key()
    if key is None:
        return None
    if not (key and key.isascii() and key.isprintable() and key == key.strip()):
        # Said here, for what sends it would show the key in its error.
        raise ValueError("An idempotency key is printable ASCII, without blanks around it.")
    return key


def kinds(*names: str) -> tuple[type, ...]:
    """The classes of these names, of each library that is in use: nothing can be of one that was never imported."""
    loaded = [sys.modules[library] for library in LIBRARIES if library in sys.modules]
    return tuple(getattr(library, name) for library in loaded for name in names)
