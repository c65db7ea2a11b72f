"""Named policies: what others published, as data."""

from typing import Any

from django.http import HttpResponse, JsonResponse

from .choices import KeySyntax
from .policy import IdempotencyPolicy
from .problems import Problem
from .rules import NEVER_STORED


def render_stripe(problem: Problem, request: Any) -> HttpResponse:
    """Stripe's error object, as https://docs.stripe.com/api/errors shows it."""
    error = {"type": "idempotency_error", "code": problem.code, "message": problem.detail}
    return JsonResponse({"error": error}, status=problem.status)


# What a view has that names no policy.
DEFAULT = IdempotencyPolicy()

# draft-ietf-httpapi-idempotency-key-header-07: a quoted string, required, 400 / 409 / 422 as problem details.
IETF = IdempotencyPolicy(
    required=True,
    syntax=KeySyntax.STRICT,
    mismatch_status=422,
    stored_errors=frozenset({400, 402, 404, 410, 422}),
)

# https://docs.stripe.com/api/idempotent_requests: optional, up to 255 characters, taken to the letter; whatever the
# endpoint answered once it had begun is stored, 500s included, but no validation error.
STRIPE = IdempotencyPolicy(
    syntax=KeySyntax.LITERAL,
    mismatch_status=400,
    stored_errors=frozenset(range(400, 600)) - NEVER_STORED - {400, 422},
    renderer=render_stripe,
)
