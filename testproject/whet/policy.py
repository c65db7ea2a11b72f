"""Whet's promises to its clients: all that makes its API idempotent."""

from django_idempotency import REPLAYED_HEADERS, BodyField, Derived, IdempotencyPolicy, Mismatch
from testproject.systems.errors import ErrorShape
from testproject.whet.serializers import url_and_intent

ERRORS = ErrorShape(
    # The key is a field of the body, so whatever is wrong with it is wrong with the body.
    codes=dict.fromkeys(
        ("idempotency_key_required", "invalid_idempotency_key", "idempotency_conflict"), "validation_failed"
    ),
)

POLICY = IdempotencyPolicy(
    # A key in the body of every POST: any printable ASCII. GET, PATCH and DELETE ignore the field.
    keys=(BodyField("idempotency_key"),),
    required=True,
    min_length=16,
    max_length=128,
    characters=r"[\x20-\x7e]",
    methods=("POST",),
    # An organization's keys are its own, on each endpoint.
    scope="testproject.accounts.scopes.organization",
    # Another body: what the endpoint says of it, and then the first result.
    on_mismatch=Mismatch.VALIDATE,
    # Another path argument or query: 400.
    on_other_target=Mismatch.REJECT,
    mismatch_status=400,
    # A duplicate waits for the first answer; after ten seconds it is told to come back, never by a 409.
    in_flight_wait=10.0,
    in_flight_status=503,
    retry_after=1,
    # Only a success is kept. It lives as long as what it made: replays after that are 404.
    stored_errors=frozenset(),
    replayed_headers=REPLAYED_HEADERS,
    lifetime=None,
    gone_status=404,
    expires_header=None,
    renderer=ERRORS.of_problem,
)

# A fetch needs no key. Without one, URL and intent stand in for it, and nothing says that an answer is a repeated one.
FETCH_POLICY = POLICY.but(
    keys=(*POLICY.keys, Derived(url_and_intent, marked=False)),
    required=False,
)
