"""A read-only DRF view that tells a client what became of its key."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import Error
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from .conf import resolve, settings
from .exceptions import IdempotencyError, KeyUnknown, Unavailable
from .http import refuse
from .identity import storable
from .lookups import EXPIRED, outcome, outcomes, with_key, within
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .rules import KEY_LENGTH
from .scopes import resolve as caller_of

logger = logging.getLogger("django_idempotency")

# One key may have been used at several endpoints.
LIMIT = 100


class IdempotencyOutcomeView(APIView):
    """
    `GET .../idempotency/{key}`: what became of the caller's requests with this key; never what they were answered.

        path("idempotency/<path:key>", IdempotencyOutcomeView.as_view())

    Another caller's key, one that has expired and one that was never used are the same 404. Authentication,
    permissions and throttles are those of any view.

    Attributes:
        idempotency_policy: whose scope, database and renderer are used. None: IDEMPOTENCY["POLICY"].
    """

    idempotency_policy: IdempotencyPolicy | None = None

    def link(self, record: IdempotencyRecord) -> str | None:
        """Override it to tell where the object of a record is: a URL, from `resource_type` and `resource_id`."""
        return None

    def get(self, request: Request, key: str) -> HttpResponseBase:
        results = [self._shown(record) for record in self._found(request, self._policy, key)]
        return Response({"count": len(results), "results": results}, headers={"Cache-Control": "no-store"})

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Error):
            # Its kind alone: a database may quote in its message what it was asked.
            logger.error("The outcome of a key could not be looked up: %s", type(exc).__qualname__)
            set_rollback()
            exc = Unavailable()
        if isinstance(exc, IdempotencyError):
            return refuse(exc, self._policy, self.request)
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        # Django's own word for it: it would log the path of a refusal, and with it the key.
        vars(finalized)["_has_been_logged"] = True
        return finalized

    @property
    def _policy(self) -> IdempotencyPolicy:
        policy: IdempotencyPolicy = self.idempotency_policy or resolve(settings().POLICY)
        return policy

    def _found(self, request: Request, policy: IdempotencyPolicy, key: str) -> list[IdempotencyRecord]:
        scope: Callable[[Any], str | None] = resolve(policy.scope or settings().SCOPE)
        mine = within(
            caller_of(scope, request), IdempotencyRecord.objects.using(IdempotencyRecord.alias(policy))
        )
        # Some databases take an error out of what no key can be.
        if key.isascii() and storable(key, KEY_LENGTH):
            live = outcomes(with_key(key, mine).exclude(EXPIRED))
            if records := list(live.order_by("-created_at", "pk")[:LIMIT]):
                return records
        raise KeyUnknown("None of your requests with this key has ended, or its record has expired.")

    def _shown(self, record: IdempotencyRecord) -> dict[str, Any]:
        shown = outcome(record)
        if shown["resource"] is not None:
            shown["resource"]["link"] = None if record.resource_deleted_at else self.link(record)
        return shown
