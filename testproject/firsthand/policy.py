"""FirstHand's promises to its clients: all that makes its API idempotent."""

from datetime import timedelta

from django_idempotency import REPLAYED_HEADERS, Header, IdempotencyPolicy, KeySyntax, Mismatch
from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape(
    code_member="type",
    with_request_id=True,
    messages={"idempotency_conflict": "A different request was already made with this idempotency key"},
)

POLICY = IdempotencyPolicy(
    # A key on every mutating POST, taken literally. GET, PATCH and DELETE need none.
    keys=(Header("Idempotency-Key"),),
    required=True,
    min_length=1,
    max_length=255,
    syntax=KeySyntax.LITERAL,
    methods=("POST",),
    # An organization's keys are its own, on each endpoint.
    scope="testproject.accounts.scopes.organization",
    # Another body, path argument or query: 409.
    on_mismatch=Mismatch.REJECT,
    on_other_target=Mismatch.REJECT,
    mismatch_status=409,
    # A duplicate waits for the first answer; after ten seconds it is told to come back.
    in_flight_wait=10.0,
    in_flight_status=409,
    retry_after=1,
    # Only a success is kept.
    stored_errors=frozenset(),
    # A success is replayed as it was, with the request id of the request that did the work.
    replayed_headers=(*REPLAYED_HEADERS, "X-Request-Id"),
    # An answer repeats the job, whose description may take all of a request's 2.5 MB.
    max_body_size=8 * 1024 * 1024,
    lifetime=timedelta(hours=24),
    renderer=ERRORS.of_problem,
)
