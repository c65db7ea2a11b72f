"""What is known of a record by now, in a word; judged by the database's clock."""

from datetime import datetime
from typing import Any

from django.db.models.functions import Length
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext_lazy as _

from ..choices import State
from ..claims.clock import Clock
from ..lookups import outcomes
from ..tombstones import Records

# As they are in the names of CSS classes, and in words.
UNKNOWN, IN_FLIGHT, COMPLETED, EXPIRED, TOMBSTONE = (
    "unknown",
    "in-flight",
    "completed",
    "expired",
    "tombstone",
)
WORDS = {
    UNKNOWN: _("unknown"),
    IN_FLIGHT: _("in flight"),
    COMPLETED: _("completed"),
    EXPIRED: _("expired"),
    TOMBSTONE: _("object deleted"),
}


def seen(records: Records) -> Records:
    """Read what a list tells of records, and when that was."""
    return outcomes(records).annotate(now=Clock())


def measured(records: Records) -> Records:
    """The same with headers, fingerprint and the length of the body; never the body itself."""
    return seen(records).defer(None).defer("response_body").annotate(body_size=Length("response_body"))


def state_of(record: Any) -> str:
    """One of the `WORDS`, for one of `seen`."""
    if record.is_unknown:
        return UNKNOWN
    if record.is_expired:
        return EXPIRED
    if record.resource_deleted_at is not None:
        return TOMBSTONE
    return COMPLETED if record.state == State.COMPLETED else IN_FLIGHT


def moment(time: datetime | None) -> str:
    """A time of the database, to the second, where whoever looks is."""
    if time is None:
        return "-"
    return date_format(localtime(time) if is_aware(time) else time, "Y-m-d H:i:s T").strip()


def apart(time: datetime, now: datetime) -> str:
    """How far two times are apart, in words."""
    return timesince(min(time, now), max(time, now), depth=1)
