"""The Hog's promises to its clients: all that makes its API idempotent."""

from datetime import timedelta

from django_idempotency import REPLAYED_HEADERS, Header, IdempotencyPolicy, KeySyntax, Mismatch
from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape()

POLICY = IdempotencyPolicy(
    # A key may be sent with every POST, and is taken literally. Without one, each POST is a new job.
    keys=(Header("Idempotency-Key"),),
    required=False,
    min_length=1,
    max_length=255,
    syntax=KeySyntax.LITERAL,
    methods=("POST",),
    # An organization's keys are its own, on each endpoint.
    scope="testproject.accounts.scopes.organization",
    endpoint_in_key=True,
    # Whatever comes with a used key, another body or another query: the result of the first request.
    on_mismatch=Mismatch.REPLAY,
    on_other_target=Mismatch.REPLAY,
    # A duplicate waits for the first answer. After ten seconds it is told to come back, by a status that every
    # client retries: never by a 409.
    in_flight_wait=10.0,
    in_flight_status=503,
    retry_after=1,
    # The same operationId, the same pollUrl. Only a success is stored, so a refused request may be corrected.
    stored_errors=frozenset(),
    replayed_headers=REPLAYED_HEADERS,
    lifetime=timedelta(hours=24),
    renderer=ERRORS.of_problem,
)
