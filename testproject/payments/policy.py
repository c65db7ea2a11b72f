"""What Payments promises to its clients: all that makes its API idempotent."""

from datetime import timedelta

from django.conf import settings

from django_idempotency import Header, IdempotencyPolicy, KeySyntax, Mismatch, Mode, Unknown
from testproject.systems.errors import ErrorShape

ERRORS = ErrorShape()

POLICY = IdempotencyPolicy(
    # A key on every POST, taken literally.
    keys=(Header("Idempotency-Key"),),
    required=True,
    syntax=KeySyntax.LITERAL,
    methods=("POST",),
    # An organization's keys are its own, on each endpoint.
    scope="testproject.accounts.scopes.organization",
    on_mismatch=Mismatch.REJECT,
    on_other_target=Mismatch.REJECT,
    mismatch_status=409,
    # The claim is committed before the provider is called, for no rollback takes a charge back. It is held for longer
    # than a request may take, so that nobody takes it over from a worker that is only slow.
    mode=Mode.LEASED,
    lease=timedelta(seconds=settings.PAYMENTS["LEASE"]),
    # A worker was lost, or the provider did not answer: the next request with the key asks the provider.
    on_unknown=Unknown.RECONCILE,
    reconcile="testproject.payments.findings.find_out",
    # A duplicate waits for the first answer; after two seconds it is told to come back.
    in_flight_wait=2.0,
    in_flight_status=409,
    retry_after=1,
    # A declined charge stays declined under its key.
    stored_errors=frozenset({402}),
    lifetime=timedelta(hours=24),
    renderer=ERRORS.of_problem,
)

# Here nothing is done about it but by an operator, with `manage.py resolve_transfers`.
TRANSFERS = POLICY.but(on_unknown=Unknown.FAIL, reconcile=None)
