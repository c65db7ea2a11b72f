"""What became of a guarded request: told to the signals, and counted. Every face goes through here."""

from dataclasses import dataclass
from time import perf_counter
from typing import Any

from . import counts, engine
from .calls import Call, Executed, Pointed, R, Replayed
from .choices import Outcome
from .exceptions import IdempotencyError
from .models import IdempotencyRecord
from .signals import request_answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """
    One answer of a guarded endpoint.

    Attributes:
        endpoint: method and route name.
        mode: "atomic" or "leased".
        outcome: one of `Outcome`, or the code of a refusal, such as "idempotency_conflict".
        seconds: from before the key was read until there was an answer.
    """

    endpoint: str
    mode: str
    outcome: str
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
    except IdempotencyError as error:
        _tell(call, error.code, began)
        raise
    except Exception:
        if call.guarded:
            _tell(call, Outcome.FAILED.value, began)
        raise
    if call.guarded:
        _tell(call, _outcome(answer).value, began)
    return answer


def _outcome(answer: Executed[Any] | Replayed) -> Outcome:
    if isinstance(answer, Replayed):
        return Outcome.REPLAYED
    if isinstance(answer, Pointed):
        return Outcome.POINTED
    return Outcome.EXECUTED if answer.stored else Outcome.RELEASED


def _tell(call: Call[Any], outcome: str, began: float) -> None:
    policy = call.policy
    if counts.are_kept():
        counts.tally.add(IdempotencyRecord.alias(policy), call.endpoint, outcome)
    if request_answered.receivers:
        event = Event(
            endpoint=call.endpoint, mode=policy.mode.value, outcome=outcome, seconds=perf_counter() - began
        )
        request_answered.send_robust(sender=None, event=event)
