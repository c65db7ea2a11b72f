"""The words that policies and records are written in."""

from enum import StrEnum


class Mode(StrEnum):
    """Which of the two guarantees an endpoint has."""

    # Claim, the handler's writes and the stored response share one transaction: exactly once, in that database.
    ATOMIC = "atomic"
    # The claim is committed first and held by a lease: for handlers that call the outside world.
    LEASED = "leased"


class State(StrEnum):
    """What is known of the request that a record stands for."""

    # Under way. In mode atomic nobody else ever sees it: the claim is not committed before the response is stored.
    IN_PROGRESS = "in_progress"
    # Done, its response stored. Only such a record expires.
    COMPLETED = "completed"
    # Mode leased: it was under way when its worker was lost, and may or may not have taken effect.
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How a guarded request ended. One that was refused ended with the code of the refusal."""

    # The handler ran, and its response is stored.
    EXECUTED = "executed"
    # It ran, and all that it did was rolled back: its response is not one that is stored. The key is free.
    RELEASED = "released"
    # It raised.
    FAILED = "failed"
    # The stored response was sent again.
    REPLAYED = "replayed"
    # A duplicate in flight was told where to look.
    POINTED = "pointed"


class Unknown(StrEnum):
    """What follows when nobody knows whether a request of mode leased took effect."""

    # At most once: refused until somebody resolves it.
    FAIL = "fail"
    # At least once: the next request with the key runs it again.
    RETRY = "retry"
    # The policy's `reconcile` finds out.
    RECONCILE = "reconcile"


class Finding(StrEnum):
    """What a `reconcile` hook has found out, where it is not the response."""

    # The effect did not happen: the request may run.
    NOT_DONE = "not done"
    # Nobody can tell yet.
    STILL_UNKNOWN = "still unknown"


class KeySyntax(StrEnum):
    """How the value of a header becomes a key."""

    # `"uuid"` and `uuid` are the same key; a quote anywhere else is malformed.
    LENIENT = "lenient"
    # Only the quoted form, as the IETF draft has it.
    STRICT = "strict"
    # To the letter, quotes included.
    LITERAL = "literal"


class Fingerprint(StrEnum):
    """What of the body counts as "the same request"; method, path and query always do."""

    # The parsed data: white space, member order and multipart boundaries do not matter.
    SEMANTIC = "semantic"
    # The bytes as they came.
    RAW = "raw"
    # Nothing: the key is not bound to the body.
    TARGET = "target"


class Mismatch(StrEnum):
    """What answers a key that comes back with another request."""

    # Refuse with `mismatch_status`.
    REJECT = "reject"
    # The first result, whatever the new request says.
    REPLAY = "replay"
    # The view's `validate_replay(request)` first, and then the first result.
    VALIDATE = "validate"
