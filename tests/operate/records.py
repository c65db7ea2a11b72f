"""Records as requests leave them, of any age and in any state, and the command that looks after them."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import CommandError, call_command
from django.utils import timezone

from django_idempotency.identity import Identity
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord

SECRET = b'{"secret": "4242"}'


def completed(
    key: str,
    scope: str = "alice",
    *,
    age: timedelta = timedelta(),
    lifetime: timedelta | None = timedelta(hours=24),
    **fields: Any,
) -> IdempotencyRecord:
    """A request that has succeeded so long ago."""
    at = timezone.now() - age
    return _create(
        key,
        scope,
        {
            "mode": "atomic",
            "state": "completed",
            "response_status": 201,
            "response_body": SECRET,
            "created_at": at,
            "completed_at": at,
            "expires_at": None if lifetime is None else at + lifetime,
            **fields,
        },
    )


def leased(key: str, scope: str = "alice", *, left: timedelta | None, **fields: Any) -> IdempotencyRecord:
    """A request of mode leased: in progress, its lease over if less than nothing is left; or unknown."""
    at = timezone.now()
    given = {"state": "unknown"} if left is None else {"state": "in_progress", "lease_expires_at": at + left}
    return _create(key, scope, {"mode": "leased", "owner": "0" * 32, "created_at": at, **given, **fields})


def line(record: IdempotencyRecord) -> IdempotencyAudit:
    """A line about what was done to it by hand."""
    return IdempotencyAudit.objects.create(
        record=record.pk,
        scope=record.scope,
        endpoint=record.endpoint,
        action="released",
        attempt=1,
        who="ops",
        why="Not done.",
    )


def keys() -> set[str]:
    return set(IdempotencyRecord.objects.values_list("key", flat=True))


class Ended(NamedTuple):
    """How the command ended."""

    status: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str) -> Ended:
    """Call ``manage.py idempotency``; what it would say on stderr last is part of `error`."""
    out, error = StringIO(), StringIO()
    try:
        call_command("idempotency", *arguments, stdout=out, stderr=error)
    except CommandError as refusal:
        return Ended(refusal.returncode, out.getvalue(), f"{error.getvalue()}{refusal}")
    return Ended(0, out.getvalue(), error.getvalue())


def _create(key: str, scope: str, fields: dict[str, Any]) -> IdempotencyRecord:
    endpoint = fields.pop("endpoint", "POST orders")
    digest = Identity.of(scope, endpoint, key).digest
    return IdempotencyRecord.objects.create(
        id=digest, scope=scope, endpoint=endpoint, key=key, fingerprint="1:x", **fields
    )
