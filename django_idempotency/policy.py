"""All that an endpoint promises about its idempotency key, as one frozen value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from .choices import Finding, Fingerprint, KeySyntax, Mismatch, Mode, Unknown
from .keys import Header, KeySource
from .rules import check

if TYPE_CHECKING:
    from django.http import HttpResponse

    from .models import IdempotencyRecord
    from .problems import Problem

# A replay carries Content-Type and Content-Encoding always, for without them the bytes mean nothing, and of the rest these.
REPLAYED_HEADERS = (
    "Location",
    "Content-Location",
    "ETag",
    "Last-Modified",
    "Link",
    "Content-Language",
    "Content-Disposition",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyPolicy:
    """
    The rules of one endpoint. Every field has a default; `policy.but(...)` gives a changed copy.

    Raises:
        PolicyError: a field is wrong or two contradict each other; raised where the policy is written.
    """

    # -- Where the key travels ---------------------------------------------------------------------
    # Looked at in this order; two that are present and differ are refused.
    keys: tuple[KeySource, ...] = (Header("Idempotency-Key"),)
    # False: a request without a key runs unguarded, as it would without this app.
    required: bool = False
    # Characters, after quotes are unwrapped; 256 is the most that a record holds.
    min_length: int = 1
    max_length: int = 255
    # A regular expression for one character; printable ASCII is the most that is ever accepted.
    characters: str = r"[\x20-\x7e]"
    # How a header's value is read: with or without quotes, quotes required (RFC 9651), or to the letter.
    syntax: KeySyntax = KeySyntax.LENIENT
    # GET, HEAD and OPTIONS are never guarded.
    methods: tuple[str, ...] = ("POST", "PATCH")

    # -- What counts as the same request -----------------------------------------------------------
    # Who shares a key: a function of the request, or its dotted path. None: IDEMPOTENCY["SCOPE"].
    scope: Callable[[Any], str | None] | str | None = None
    # A name that outlives a renamed route. None: the method and the route's name.
    endpoint: str | None = None
    # False: one key serves every endpoint of the scope together.
    endpoint_in_key: bool = True
    fingerprint: Fingerprint = Fingerprint.SEMANTIC
    # With SEMANTIC: only these members of the body count. Empty: all of them.
    fingerprint_fields: tuple[str, ...] = ()
    # Same target, another body.
    on_mismatch: Mismatch = Mismatch.REJECT
    # Another path argument, query or (where it is not part of the key) endpoint.
    on_other_target: Mismatch = Mismatch.REJECT
    mismatch_status: int = 422

    # -- While the first one still runs ------------------------------------------------------------
    # Seconds that a duplicate waits for the first answer; it holds its worker thread meanwhile.
    in_flight_wait: float = 0.0
    # 409, or 503 for clients that take every 409 for a final answer.
    in_flight_status: int = 409
    # Whole seconds, sent as Retry-After.
    retry_after: int = 1

    # -- What is stored and replayed ---------------------------------------------------------------
    mode: Mode = Mode.ATOMIC
    # Success (2xx, 3xx) is always stored. These errors too, their effects rolled back; any other frees the key.
    stored_errors: frozenset[int] = frozenset()
    replayed_headers: tuple[str, ...] = REPLAYED_HEADERS
    # Bytes. A larger (or streamed) response is sent, but not kept: its replay is `response_unavailable`.
    max_body_size: int = 1024 * 1024
    # Set on replays only, to "true".
    replayed_header: str = "Idempotent-Replayed"
    # Seconds until the key is free again, on what is stored and on replays. None: not sent.
    expires_header: str | None = "Idempotency-Key-Expires-In"

    # -- Mode leased only --------------------------------------------------------------------------
    # How long a claim is held without a sign of life; longer than the server lets a request run.
    lease: timedelta = timedelta(seconds=60)
    # What follows when a worker was lost, or its handler raised: nobody knows what it has done outside.
    on_unknown: Unknown = Unknown.FAIL
    # (record) -> the response, or a Finding; or its dotted path. With Unknown.RECONCILE.
    reconcile: "Callable[[IdempotencyRecord], HttpResponse | Finding] | str | None" = None
    # (request, record) -> what a duplicate in flight is answered with, once the handler has called `bind`: a pointer
    # to what is under way. Or its dotted path. None: refused as in flight.
    pointer: "Callable[[Any, IdempotencyRecord], HttpResponse] | str | None" = None

    # -- How long it lives -------------------------------------------------------------------------
    # From the first request on; what was unknown and is settled later than that lives as long again. None: for ever.
    lifetime: timedelta | None = timedelta(hours=24)
    # What a replay is answered with when the object that the request made (see `bind`) is deleted: 404, or 410.
    gone_status: int = 404
    # Models, such as "shop.Payment", whose deletion empties the records of their objects at once. Where a model is not
    # named, the purge does. Each costs the model its fast deletes.
    follows: tuple[str, ...] = ()
    # The alias of the records. None: where the router writes IdempotencyRecord.
    database: str | None = None

    # -- How refusals look -------------------------------------------------------------------------
    # (problem, request) -> response, or its dotted path. None: IDEMPOTENCY["RENDERER"], which is RFC 9457.
    renderer: "Callable[[Problem, Any], HttpResponse] | str | None" = None

    def __post_init__(self) -> None:
        check(self)

    def but(self, **changes: Any) -> Self:
        """A copy with some fields changed, checked anew."""
        return replace(self, **changes)

    def guards(self, method: str | None) -> bool:
        """Whether requests of this method are guarded at all."""
        return method in self.methods

    def keeps(self, status: int) -> bool:
        """Whether a response of this status is stored; any other frees the key."""
        return 200 <= status < 400 or status in self.stored_errors

    @property
    def kept(self) -> str:
        """The statuses that are stored, in words."""
        return ", ".join(("200 to 399", *map(str, sorted(self.stored_errors))))
