"""What a response says: its key, whether it is a replay, whether to ask again, and when."""

import time
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

# Of a request and of a response, in both libraries.
EXTENSION = "idempotency_key"
# With a key, 500 as well. A 409 is final, unless it says when to come back.
RETRIED = {408, 425, 429, 502, 503, 504}


class Message(Protocol):
    """A request or a response of either library."""

    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def extensions(self) -> Mapping[str, Any]: ...


def key_of(message: Message) -> str | None:
    """The key that the operation of this response, or of this request (an error's), was sent with; None without one."""
    key: str | None = message.extensions.get(EXTENSION)
    return key


def is_replay(response: Message, header: str = "Idempotent-Replayed") -> bool:
    """Tell whether the server says of a response that it was made for an earlier attempt with the same key."""
    return response.headers.get(header, "").lower() == "true"


def passing(response: Any, keyed: bool) -> bool:
    """
    Tell whether the same request may be answered otherwise; the server's own word wins.

    Args:
        keyed: it has a key, so that nothing is done twice after an error that may have come too late.
    """
    status = response.status_code
    # 422: the key belongs to other bytes, and these will not change, whatever a server says.
    if status < 400 or status == 422:
        return False
    should = response.headers.get("X-Should-Retry", "").strip().lower()
    if should in ("true", "false"):
        return bool(should == "true")
    if status == 409:
        return retry_after(response) is not None
    return status in RETRIED or (status == 500 and keyed)


def retry_after(response: Any) -> float | None:
    """
    Read Retry-After (RFC 9110, 10.2.3), a number of seconds or a date.

    Returns:
        Seconds from now, none of them negative; None where it is absent or cannot be read.
    """
    value = response.headers.get("Retry-After", "").strip()
    if is_number(value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    # A date of HTTP is one of UTC, also in the old form that does not say so.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - time.time())


def is_number(text: str) -> bool:
    """Tell whether a text is digits, and nothing else."""
    return text.isascii() and text.isdigit()
