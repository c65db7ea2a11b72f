"""What became of a guarded request: told to the signals, and counted. Every face goes through here."""

import logging
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from . import counts, engine
from .calls import Call, Executed, Pointed, R, Replayed
from .choices import Mode, Outcome
from .exceptions import IdempotencyError
from .models import IdempotencyRecord
from .problems import Problem
from .signals import request_answered

logger = logging.getLogger("django_idempotency")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One request of a guarded endpoint has ended.

    Attributes:
        endpoint: method and route name.
        mode: "atomic" or "leased".
        outcome: one of `Outcome`, or the code of a refusal, such as "idempotency_conflict".
        status: the HTTP status; None where the project's own code made, or makes, a response of an exception.
        seconds: from before the key was read until there was an answer.
    """

    endpoint: str
    mode: str
    outcome: str
    status: int | None
    seconds: float


def serve(call: Call[R]) -> Executed[R] | Replayed:
    """
    Let the engine serve a call, and tell what became of it.

    Raises:
        Exception: as `engine.serve`.
    """
    began = perf_counter()
    try:
        answer = engine.serve(call)
    except Exception as error:
        tell(call, error, began)
        raise
    tell(call, answer, began)
    return answer


def tell(call: Call[Any], end: Executed[Any] | Replayed | Exception, began: float) -> None:
    """
    Tell of a call that has ended. It never raises: nobody's request fails because it was counted.

    Args:
        end: its answer, or what it raised.
        began: by `perf_counter`.
    """
    if not call.guarded:
        return
    try:
        counted, heard = counts.are_kept(), request_answered.receivers
        if not counted and not heard:
            return
        outcome, status = _judge(call, end)
        if counted:
            counts.tally.add(IdempotencyRecord.alias(call.policy), call.endpoint, outcome)
        if heard:
            event = Event(
                endpoint=call.endpoint,
                mode=str(call.policy.mode),
                outcome=str(outcome),
                status=status,
                seconds=perf_counter() - began,
            )
            request_answered.send_robust(sender=None, event=event)
    except Exception as error:
        logger.error("What became of a guarded request could not be told: %s", type(error).__name__)


def _judge(call: Call[Any], end: Executed[Any] | Replayed | Exception) -> tuple[str, int | None]:
    """The outcome, and the status."""
    if isinstance(end, Replayed):
        return Outcome.REPLAYED, end.row.response_status
    if isinstance(end, IdempotencyError):
        return end.code, Problem.of(end, call.policy).status
    if isinstance(end, Exception):
        status, raised = call.status_of(end), True
    else:
        status, raised = call.status(end.response), call.raised is not None
        if isinstance(end, Pointed):
            return Outcome.POINTED, status
        if end.stored:
            return Outcome.EXECUTED, status
    # In mode leased a handler that raises may have been half way through.
    clean = status is not None and status < 500 and not (raised and call.policy.mode is Mode.LEASED)
    return Outcome.RELEASED if clean else Outcome.FAILED, status
