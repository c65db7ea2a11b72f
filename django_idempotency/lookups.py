"""What became of a key, or of the key that made an object: for an operator, and for the client that asks."""

from typing import Any

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Length

from .choices import State
from .claims.clock import Clock
from .identity import span
from .models import IdempotencyRecord
from .tombstones import Records

COMPLETED = Q(state=State.COMPLETED)
IN_FLIGHT = Q(state=State.IN_PROGRESS) & (Q(lease_expires_at=None) | Q(lease_expires_at__gt=Clock()))
# Its worker gave up, or was lost and has not been heard of for the time of its lease.
UNKNOWN = Q(state=State.UNKNOWN) | Q(state=State.IN_PROGRESS, lease_expires_at__lte=Clock())
EXPIRED = COMPLETED & Q(expires_at__lte=Clock())
# How far a look goes that no index serves.
WINDOW = 50_000
# In flight or unknown, as the index of those few has it.
UNSETTLED = ~COMPLETED


def within(scope: str, records: Records) -> Records:
    """
    The records of one scope, by a range of the primary key.

    Raises:
        ScopeRequired: no record can have such a scope.
    """
    first, last = span(scope)
    # The scope itself as well: another one may have these digits too.
    return records.filter(pk__gte=first, pk__lt=last, scope=scope)


def with_key(key: str, records: Records) -> Records:
    """The records of one key, by its index."""
    # Also by its length: to MariaDB and MySQL spaces at its end are nothing.
    return records.alias(key_length=Length("key")).filter(key=key, key_length=len(key))


def with_id(digits: str) -> Q:
    """The record whose id begins with these hexadecimal digits, or those of one scope: a range of the primary key."""
    return Q(pk__gte=digits, pk__lt=digits + "g")  # behind every digit


def newest(records: Records) -> Records:
    """
    Of many records the newest `WINDOW`; the same object, where there are not so many.

    Few conditions have an index, for each costs every request a write. The others are looked for among these.
    """
    times = records.order_by("-created_at").values_list("created_at", flat=True)
    last = times[WINDOW - 1 : WINDOW].first()
    return records if last is None else records.filter(created_at__gte=last)


def outcomes(records: Records) -> Records:
    """Read of records what `outcome` needs, by the database's clock, and never the stored response."""
    return records.defer("response_body", "response_headers", "fingerprint").annotate(
        is_unknown=_whether(UNKNOWN), is_expired=_whether(EXPIRED)
    )


def outcome(record: IdempotencyRecord) -> dict[str, Any]:
    """
    Tell what became of a request, in values that JSON has, but for times.

    Args:
        record: one of `outcomes`.
    """
    seen: Any = record
    resource = {
        "type": record.resource_type,
        "id": record.resource_id,
        # As the record has it: an object that nobody has looked for since it was deleted is not known to be gone.
        "deleted_at": record.resource_deleted_at,
    }
    return {
        "endpoint": record.endpoint,
        "mode": record.mode,
        "state": State.UNKNOWN.value if seen.is_unknown else record.state,
        "status": record.response_status,
        "created_at": record.created_at,
        "completed_at": record.completed_at,
        "expires_at": record.expires_at,
        "resource": resource if record.resource_type else None,
    }


def _whether(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
