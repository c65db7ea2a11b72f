"""Many records at once, as requests would have left them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db.models import Model
from django.utils import timezone

from django_idempotency.models import IdempotencyRecord
from django_idempotency.resources import Resource

PAST = timezone.now() - timedelta(days=2)


def rows(number: int, *, expires_at: datetime | None = PAST, **fields: Any) -> list[IdempotencyRecord]:
    """Store so many completed records; of another state and time, if `fields` says so."""
    return _store([IdempotencyRecord(**_columns(expires_at=expires_at, **fields)) for _ in range(number)])


def bound_to(objects: Iterable[Model]) -> list[IdempotencyRecord]:
    """Store one record for each of the objects, without a lifetime."""
    found = [Resource.of(each) for each in objects]
    return _store(
        [
            IdempotencyRecord(
                **_columns(
                    expires_at=None,
                    resource_type=type,
                    resource_id=id,
                    resource_database=database or "default",
                )
            )
            for type, id, database in found
        ]
    )


def _columns(**fields: Any) -> dict[str, Any]:
    completed = {
        "id": uuid4().hex * 2,
        "scope": "s",
        "endpoint": "POST rows",
        "key": uuid4().hex,
        "mode": "atomic",
        "state": "completed",
        "fingerprint": "1:",
        "response_status": 201,
        "response_headers": "[]",
        "response_body": b"secret",
        "created_at": PAST - timedelta(days=1),
        "completed_at": PAST - timedelta(days=1),
    }
    return {**completed, **fields}


def _store(records: list[IdempotencyRecord]) -> list[IdempotencyRecord]:
    return IdempotencyRecord.objects.bulk_create(records, batch_size=500)
