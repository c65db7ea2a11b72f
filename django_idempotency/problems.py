"""A refusal as the client sees it: its status, whether a retry helps, and how it is rendered."""

from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse

from .choices import Unknown
from .exceptions import IdempotencyError, InProgress, KeyReused, OutcomeUnknown, ResourceGone
from .policy import IdempotencyPolicy

TYPE = "urn:django-idempotency:problem:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """
    A refusal, for a renderer.

    Attributes:
        status: the HTTP status.
        code: stable, for machines; see `exceptions`.
        title: the same for each occurrence; `detail` tells this one.
        retryable: the same request may succeed later.
        retry_same_key: a corrected or repeated request may keep its key.
        retry_after: whole seconds, or None.
    """

    status: int
    code: str
    title: str
    detail: str
    retryable: bool
    retry_same_key: bool
    retry_after: int | None

    @classmethod
    def of(cls, error: IdempotencyError, policy: IdempotencyPolicy) -> "Problem":
        """What this error means under this policy."""
        given: dict[type[IdempotencyError], int] = {
            KeyReused: policy.mismatch_status,
            InProgress: policy.in_flight_status,
            ResourceGone: policy.gone_status,
        }
        asks = isinstance(error, OutcomeUnknown) and policy.on_unknown is Unknown.RECONCILE
        retryable = error.retryable or asks
        return cls(
            status=next((status for kind, status in given.items() if isinstance(error, kind)), error.status),
            code=error.code,
            title=error.title,
            detail=error.detail,
            retryable=retryable,
            retry_same_key=error.retry_same_key,
            retry_after=policy.retry_after if retryable else None,
        )

    @property
    def headers(self) -> dict[str, str]:
        """
        What clients act on, whatever the body looks like.

        Stripe's, Stainless's and Square's clients retry every 409 unless one of these headers forbids it.
        """
        should = "true" if self.retryable else "false"
        headers = {"X-Should-Retry": should, "Stripe-Should-Retry": should, "Cache-Control": "no-store"}
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        return headers


def render(problem: Problem, request: Any) -> HttpResponse:
    """The default renderer: problem details, RFC 9457."""
    body = {"type": TYPE + problem.code, **asdict(problem)}
    if problem.retry_after is None:
        del body["retry_after"]
    return JsonResponse(body, status=problem.status, content_type="application/problem+json")
