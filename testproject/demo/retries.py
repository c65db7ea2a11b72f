"""When a client sends a request again, and how long it waits before."""

import random

import httpx

# Anything that leaves open whether the server did the work.
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError)

RETRIED = {408, 425, 429, 500, 502, 503, 504}
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
LONGEST_RETRY_AFTER = 60.0


def worth_a_retry(response: httpx.Response) -> bool:
    """Tell whether the same request may be answered otherwise; the server's own word wins."""
    should = response.headers.get("X-Should-Retry", "").lower()
    if should in {"true", "false"}:
        return should == "true"
    # A 409 is final, unless it says when to come back.
    in_flight = response.status_code == 409 and "Retry-After" in response.headers
    return in_flight or response.status_code in RETRIED


def pause(attempt: int, response: httpx.Response | None) -> float:
    """Tell how many seconds to wait after an attempt, the first being 0."""
    asked = response.headers.get("Retry-After", "") if response is not None else ""
    if asked.isdigit():
        return min(float(asked), LONGEST_RETRY_AFTER)
    # Jitter, or all clients of a server that fell over come back at once.
    return min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
