"""
Faults on request: the header ``X-Demo-Fault`` makes a handler fail in one of the ways that networks do.

With ``DEBUG`` only. The faults happen inside the guard, so a replay, which calls no handler, has none.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import harmless

HEADER = "X-Demo-Fault"
LONGEST_SLEEP = 60.0

Handler = Callable[..., Response]
# A part of a fault, before or after the handler.
Step = Callable[[Request], None]


class DemoFault(APIException):
    """A failure that the caller asked for."""

    default_code = "demo_fault"

    def __init__(self, status: int, message: str) -> None:
        self.status_code = status
        super().__init__(message)


class FaultsMixin(APIView):
    """Lets a caller choose how POST fails. Must stand behind the guard in the bases, to be inside it."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        fault = request.headers.get(HEADER)
        handler = getattr(self, "post", None)
        if settings.DEBUG and fault is not None and request.method == "POST" and handler is not None:
            self.post = partial(run_with, fault.strip(), handler)


def run_with(fault: str, handler: Handler, request: Request, *args: Any, **kwargs: Any) -> Response:
    """Run a handler under a fault."""
    # In mode leased, a failure before the work frees the key; one after it leaves open what has happened.
    with harmless():
        before, after = plan(fault)
        before(request)
    response = handler(request, *args, **kwargs)
    after(request)
    return response


def plan(fault: str) -> tuple[Step, Step]:
    """Tell what happens before the handler's work, and what after it: still before anything is committed."""
    match fault.partition("="):
        case "fail-before", "", "":
            return fail(503, "Failed before the work"), nothing
        case "fail-after", "", "":
            return nothing, fail(500, "Failed after the work")
        case "drop", "", "":
            return nothing, drop
        case "kill", "", "":
            return killable, kill
        case "slow", "=", value:
            return nothing, sleep(seconds_in(value))
        case _:
            raise DemoFault(400, f"{HEADER}: unknown fault {fault!r}")


def nothing(request: Request) -> None:
    """Let the request be."""


def fail(status: int, message: str) -> Step:
    """Answer with an error."""

    def step(request: Request) -> None:
        raise DemoFault(status, message)

    return step


def drop(request: Request) -> None:
    """Mark the request; the outermost middleware closes its connection once all is committed."""
    request._request.drop_connection = True  # type: ignore[attr-defined]


def killable(request: Request) -> None:
    """Refuse to kill anything but a worker that somebody restarts."""
    if "gunicorn.socket" not in request.META:
        raise DemoFault(400, f"{HEADER}: kill needs a worker of gunicorn")


def kill(request: Request) -> None:
    """Die as a process out of memory does: at once, with no chance to tidy up."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds: float) -> Step:
    """Hold the transaction open, with the work in it not yet committed."""

    def step(request: Request) -> None:
        time.sleep(seconds)

    return step


def seconds_in(value: str) -> float:
    """Read how long to sleep."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_SLEEP:
        raise DemoFault(400, f"{HEADER}: slow takes 0 to {LONGEST_SLEEP:.0f} seconds")
    return seconds


class DroppedConnectionMiddleware:
    """Close the connection of a marked request instead of answering it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if getattr(request, "drop_connection", False):
            response.close()
            return StreamingHttpResponse(broken_pipe())
        return response


def broken_pipe() -> Iterator[bytes]:
    """Break before the first byte. WSGI servers take it for a client that has gone, and send nothing at all."""
    raise BrokenPipeError(errno.EPIPE, "Dropped on request")
    yield b""  # pragma: no cover - makes this a generator
