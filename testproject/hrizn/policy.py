"""hrizn's promises to its clients: all that makes its API idempotent."""

from datetime import timedelta

from django_idempotency import REPLAYED_HEADERS, Header, IdempotencyPolicy, KeySyntax, Mismatch
from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape(
    messages={"idempotency_conflict": "Idempotency key reused with different parameters"},
)

POLICY = IdempotencyPolicy(
    # A key may come with any POST, taken literally; without one, each POST is a new operation.
    keys=(Header("X-Idempotency-Key"),),
    required=False,
    min_length=1,
    max_length=256,
    syntax=KeySyntax.LITERAL,
    # GET, PATCH and DELETE ignore it.
    methods=("POST",),
    # An organization's keys are its own, on each endpoint.
    scope="testproject.accounts.scopes.organization",
    endpoint_in_key=True,
    # Other parameters, be they in the body, the path or the query: 409.
    on_mismatch=Mismatch.REJECT,
    on_other_target=Mismatch.REJECT,
    mismatch_status=409,
    # A duplicate waits for the first answer; after ten seconds it is told to come back.
    in_flight_wait=10.0,
    in_flight_status=409,
    retry_after=1,
    # A success is replayed as it was, but for the request id, which is fresh. A refusal leaves nothing behind.
    stored_errors=frozenset(),
    replayed_headers=REPLAYED_HEADERS,
    # After a day the key is free for any parameters.
    lifetime=timedelta(hours=24),
    renderer=ERRORS.of_problem,
)
