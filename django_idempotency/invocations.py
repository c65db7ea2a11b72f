"""The face for calls of functions: a Call of some arguments, and a result of what the engine answers."""

import json
from collections.abc import Callable
from typing import Any

from . import events
from .arguments import Arguments, canonical
from .calls import Call, Replayed
from .choices import Finding
from .claims.base import Row
from .conf import resolve
from .exceptions import ResponseUnavailable
from .identity import Identity
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .responses import Snapshot, capture

# How a result is stored: as the response of a view that returns it would be.
STATUS = 200
HEADERS = (("Content-Type", "application/json"),)


def result(call: "Invocation") -> Any:
    """
    Let the engine serve a call, and read its answer.

    Raises:
        Exception: as `events.serve`.
    """
    answer = events.serve(call)
    return call.replayed if isinstance(answer, Replayed) else json.loads(answer.response)


class Invocation(Call[bytes]):
    """A call of a function. Its handler's own response is the JSON of what the function returned."""

    # Of the methods that policies know, the one that does what a call does.
    method = "POST"
    query = ""
    # The stored result, once it has been read.
    replayed: Any = None

    def __init__(
        self, policy: IdempotencyPolicy, endpoint: str, arguments: Arguments, handler: Callable[[], Any]
    ) -> None:
        self.request = arguments
        self.policy = policy
        self.path = self.endpoint = endpoint
        self.handler = handler

    def header(self, name: str) -> str | None:
        return None

    def data(self) -> Arguments:
        return canonical(self.request, self.policy.fingerprint_fields or self.request)

    def body(self) -> bytes | None:
        return None

    def written(self) -> bytes | None:
        return None

    def bare(self) -> bytes:
        # Through JSON here too: a caller is given the same types on incident days.
        return self.run()

    def run(self) -> bytes:
        returned = self.handler()
        try:
            return json.dumps(returned, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise TypeError(f"What a guarded function returns must be JSON, to be stored. {error}") from error

    def status(self, response: bytes) -> int:
        return STATUS

    def status_of(self, error: Exception) -> int | None:
        return None

    def capture(self, response: bytes) -> Snapshot:
        return Snapshot(STATUS, HEADERS, response if len(response) <= self.policy.max_body_size else None)

    def before_replay(self, identity: Identity, row: Row) -> None:
        if row.response_body is not None:
            self.replayed = _read(row.response_status or STATUS, bytes(row.response_body))

    def reconcile(self, identity: Identity, row: Row) -> Snapshot | Finding:
        found = resolve(self.policy.reconcile)(IdempotencyRecord.of(identity, row, self.policy))
        return found if isinstance(found, Finding) else capture(found, self.policy)

    def pointer(self, identity: Identity, row: Row) -> bytes:
        raise NotImplementedError  # the policy of a function has none

    def validate_replay(self) -> None:
        raise NotImplementedError  # the policy of a function does not ask for it


def _read(status: int, body: bytes) -> Any:
    """The result that is stored. Where somebody has resolved an unknown outcome, it may be none."""
    if status < 400:
        try:
            return json.loads(body) if body else None
        except ValueError:
            pass
    raise ResponseUnavailable(
        f"The call was resolved with status {status} and {len(body)} bytes, which is no result."
    )
