"""The demonstration, in which requests with a certain header lose their process between COMMIT and enqueueing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from testproject.wsgi import application as demonstration

# Django is set up by the import above.
from testproject.thehog import tasks  # isort: skip

doomed = ContextVar("doomed", default=False)
enqueue = tasks.enqueue


def die_or_enqueue(operation_id: str) -> None:
    """Stand in for the hook that wakes a worker."""
    if doomed.get():
        os.kill(os.getpid(), signal.SIGKILL)
    enqueue(operation_id)


tasks.enqueue = die_or_enqueue


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    doomed.set("HTTP_X_DIE_AFTER_COMMIT" in environ)
    return demonstration(environ, start_response)
