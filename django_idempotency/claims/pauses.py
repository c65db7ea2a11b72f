"""How often a duplicate that waits asks again."""

import time
from collections.abc import Iterator

FIRST = 0.01
LONGEST = 0.25


def pauses(seconds: float) -> Iterator[float]:
    """
    Sleep, and yield after each sleep; end when so many seconds are over. No claim and no lock is held meanwhile; under
    ATOMIC_REQUESTS, the request's own transaction is open.

    The process's own clock bounds the wait, and decides nothing else.
    """
    deadline = time.monotonic() + seconds
    pause = FIRST
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        yield left
        pause = min(pause * 2, LONGEST)
