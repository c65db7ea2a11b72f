"""The refusals of a policy, as a schema writes them."""

from typing import Any

from ...choices import Fingerprint, Mismatch, Mode
from ...conf import resolve, settings
from ...exceptions import (
    IdempotencyError,
    InProgress,
    InvalidBody,
    InvalidKey,
    KeyRequired,
    KeyReused,
    NothingHappened,
    OutcomeUnknown,
    ResourceGone,
    ResponseUnavailable,
    ScopeRequired,
    Unavailable,
)
from ...keys import BodyField, Derived
from ...policy import IdempotencyPolicy
from ...problems import TYPE, Problem, render


def possible(policy: IdempotencyPolicy, *, binds: bool) -> dict[type[IdempotencyError], bool]:
    """
    Which refusals a policy can lead to.

    Args:
        binds: whether a record is bound to an object, which may be deleted.
    """
    sends = any(not isinstance(source, Derived) for source in policy.keys)
    reads = policy.fingerprint is not Fingerprint.TARGET or any(
        isinstance(source, BodyField) for source in policy.keys
    )
    return {
        KeyRequired: policy.required,
        InvalidKey: sends,
        ScopeRequired: True,
        InvalidBody: reads,
        KeyReused: Mismatch.REJECT in (policy.on_mismatch, policy.on_other_target),
        InProgress: True,
        OutcomeUnknown: policy.mode is Mode.LEASED,
        ResponseUnavailable: True,
        ResourceGone: binds,
        NothingHappened: policy.mode is Mode.LEASED,
        Unavailable: True,
    }


def answers(policy: IdempotencyPolicy, schema: dict[str, Any], *, binds: bool) -> dict[str, dict[str, Any]]:
    """
    What these refusals look like, by status.

    Args:
        schema: of a problem; a renderer of the project's own may write anything, so there nothing is said of the body.
    """
    problems: dict[str, list[Problem]] = {}
    for refusal, can_be in possible(policy, binds=binds).items():
        if can_be:
            problem = Problem.of(refusal(), policy)
            problems.setdefault(str(problem.status), []).append(problem)
    by_default = resolve(policy.renderer or settings().RENDERER) is render
    return {
        status: _answer(each, schema if by_default else None) for status, each in sorted(problems.items())
    }


def _answer(problems: list[Problem], schema: dict[str, Any] | None) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if any(problem.retry_after is not None for problem in problems):
        answer["headers"] = {
            "Retry-After": {
                "schema": {"type": "integer", "minimum": 1},
                "description": "Seconds after which the same request may succeed.",
            }
        }
    if schema is None:  # nor of the codes, which a renderer may rename
        return {**answer, "description": " ".join(problem.title for problem in problems)}
    lines = [f"`{problem.code}`: {problem.title}" for problem in problems]
    return {
        **answer,
        "content": {"application/problem+json": {"schema": schema}},
        "description": lines[0] if len(lines) == 1 else "\n".join(f"- {line}" for line in lines),
    }


def problem_schema() -> dict[str, Any]:
    """The members of a problem as `problems.render` writes them. A new one each time: hooks change what they get."""
    members = {
        "type": {"type": "string", "format": "uri", "description": f"`{TYPE}` and the code."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Which refusal this is; stable, for machines."},
        "title": {"type": "string", "description": "The same for each refusal with this code."},
        "detail": {"type": "string", "description": "What was wrong this time, and what to do about it."},
        "retryable": {"type": "boolean", "description": "Whether the same request may succeed later."},
        "retry_same_key": {
            "type": "boolean",
            "description": "Whether a repeated or corrected request may keep its key.",
        },
        "retry_after": {"type": "integer", "description": "Seconds; only of what is retryable."},
    }
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "properties": members,
        "required": [name for name in members if name != "retry_after"],
    }
