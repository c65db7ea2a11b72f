"""SurveyCoder's promises to its clients: all that makes its API idempotent."""

from datetime import timedelta

from django_idempotency import REPLAYED_HEADERS, Header, IdempotencyPolicy, KeySyntax, Mismatch
from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape(
    with_request_id=True,
    # Codes in capitals, and one for everything that is wrong with what was sent.
    spelling=str.upper,
    codes={
        "validation_failed": "validation_error",
        "invalid_idempotency_key": "validation_error",
        "idempotency_conflict": "validation_error",
        "idempotency_unavailable": "service_unavailable",
        "unavailable": "service_unavailable",
    },
    messages={"idempotency_conflict": "Idempotency-Key reused with different body"},
)

POLICY = IdempotencyPolicy(
    # A key where the client wants one, taken literally. GET, PATCH and DELETE need none.
    keys=(Header("Idempotency-Key"),),
    required=False,
    min_length=1,
    max_length=255,
    syntax=KeySyntax.LITERAL,
    methods=("POST",),
    # Each API key's keys are its own, not the organization's, and one key serves all endpoints together.
    scope="testproject.accounts.scopes.api_key",
    endpoint_in_key=False,
    # Another body, query or endpoint: 400.
    on_mismatch=Mismatch.REJECT,
    on_other_target=Mismatch.REJECT,
    mismatch_status=400,
    # A duplicate waits for the first answer; after ten seconds it is told to come back.
    in_flight_wait=10.0,
    in_flight_status=409,
    retry_after=1,
    # Only a success is kept.
    stored_errors=frozenset(),
    # A success is replayed as it was, with the request id of the request that did the work.
    replayed_headers=(*REPLAYED_HEADERS, "X-Request-Id"),
    # An answer repeats what was sent, which may be 2.5 MB. All of them are kept: a coding is paid for once.
    max_body_size=8 * 1024 * 1024,
    lifetime=timedelta(hours=24),
    renderer=ERRORS.of_problem,
)
