"""
What can go wrong, each with the stable code that a client sees.

    IdempotencyError               a refusal: answered in the policy's format, never a 500
    ├── KeyRequired                no key where the policy requires one
    ├── InvalidKey                 a key that is malformed, or two that differ
    ├── ScopeRequired              nobody whose key this could be
    ├── InvalidBody                a body that cannot be read as what it says it is
    ├── KeyReused                  the key was used for another request
    ├── InProgress                 the first request with the key still runs
    ├── OutcomeUnknown             a worker was lost, and nobody knows what it has done outside
    ├── NothingHappened            raised by a handler of mode leased: it has done nothing, and may run again
    ├── ResourceGone               it succeeded, and what it made has been deleted since
    ├── KeyUnknown                 nobody of the caller's has used the key, as far as can be seen
    ├── ResponseUnavailable        it succeeded, but its response was not kept
    └── Unavailable                the database did not answer, or took it back
    LeaseLost                      raised in a handler of mode leased whose claim has gone to another attempt
    ResolutionRefused              resolving by hand what is not unknown, or has changed since it was looked at
    PolicyError                    a policy that contradicts itself, raised where it is written

No message holds a key, a body or a secret: they end up in logs and in error pages.
"""

from typing import ClassVar


class IdempotencyError(Exception):
    """
    A guarded request that is refused.

    Attributes:
        code: stable, for machines.
        title: one short sentence, the same for each occurrence.
        status: the HTTP status, where a policy has no word in it; see `Problem.of`.
        retryable: the same request may succeed later.
        retry_same_key: a corrected or repeated request may keep its key.
        detail: what was wrong this time and what to do about it.
        headers: stored response headers that still tell the client something.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    status: ClassVar[int]
    retryable: ClassVar[bool] = False
    retry_same_key: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.headers = headers


class KeyRequired(IdempotencyError):
    code = "idempotency_key_required"
    title = "This request needs an idempotency key."
    status = 400


class InvalidKey(IdempotencyError):
    code = "invalid_idempotency_key"
    title = "The idempotency key is malformed."
    status = 400


class ScopeRequired(IdempotencyError):
    code = "idempotency_scope_required"
    title = "An idempotency key belongs to a caller, and this request names none."
    status = 400
    retry_same_key = True


class InvalidBody(IdempotencyError):
    code = "invalid_body"
    title = "The request body cannot be read."
    status = 400
    retry_same_key = True


class KeyReused(IdempotencyError):
    code = "idempotency_conflict"
    title = "A different request was already made with this idempotency key."
    status = 422


class InProgress(IdempotencyError):
    code = "idempotency_in_progress"
    title = "The first request with this idempotency key is still running."
    status = 409
    retryable = True
    retry_same_key = True


class OutcomeUnknown(IdempotencyError):
    code = "outcome_unknown"
    title = (
        "The first request with this idempotency key was interrupted, and it is not known what it has done."
    )
    status = 409
    retry_same_key = True  # and retryable, where the policy's `reconcile` may find out


class NothingHappened(IdempotencyError):
    """
    Raised by a handler of mode leased to say that nothing has happened outside: the key is free again.

    Answered with 503, for the same request may succeed later.
    """

    code = "nothing_happened"
    title = "Nothing was done. Send it again with the same key."
    status = 503
    retryable = True
    retry_same_key = True


class ResourceGone(IdempotencyError):
    code = "not_found"
    title = "What the first request with this idempotency key made has been deleted."
    status = 404


class KeyUnknown(IdempotencyError):
    """Asked what became of a key; raised by no guarded request."""

    code = "idempotency_key_unknown"
    title = "Nothing is known of this idempotency key."
    status = 404
    retry_same_key = True


class ResponseUnavailable(IdempotencyError):
    code = "response_unavailable"
    title = "The request was carried out, but its response was not kept."
    status = 409


class Unavailable(IdempotencyError):
    code = "idempotency_unavailable"
    title = "The database did not serve the request. Send it again with the same key."
    status = 503
    retryable = True
    retry_same_key = True


class LeaseLost(Exception):
    """The claim of a handler of mode leased has gone to another attempt, or was resolved; let it pass."""


class ResolutionRefused(Exception):
    """Nothing was resolved; the message says why, to whoever tried."""


class PolicyError(ValueError):
    """A policy whose fields are wrong, or contradict each other; the message lists every fault."""
