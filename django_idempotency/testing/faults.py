"""What can be wrong with an endpoint, each in words: what was seen, and what to do."""

from collections.abc import Collection, Iterator
from typing import Any

from ..choices import Mismatch, Outcome
from ..conf import settings
from ..exceptions import InvalidKey, KeyReused, ResourceGone, ResponseUnavailable
from ..policy import IdempotencyPolicy
from ..responses import REPRESENTATION_HEADERS
from ..routes import Route
from .statements import shortened
from .watch import Seen

# A retry of an earlier request, by what the guard says of it.
AGAIN = {str(Outcome.REPLAYED), KeyReused.code, ResourceGone.code, ResponseUnavailable.code}
RENDERER = "The renderer of its refusals chooses a status of its own: let it answer with problem.status."
AROUND = "Something around the guard changes what it answers: a decorator above it, or a middleware."


def unguarded(seen: Seen, route: Route | None, policy: IdempotencyPolicy, method: str) -> str:
    """Why no guard has told of a request."""
    status = seen.response.status_code
    if not settings().ENABLED:
        return 'Nothing is guarded: IDEMPOTENCY["ENABLED"] is False in these settings.'
    if route is None:
        return f"It was answered {status}: no view takes {method} there, as the URLconf has it."
    if route.policy is None:
        return (
            f"Nothing guards {route.dotted}: put IdempotencyMixin before its bases (DRF), or @idempotent right above "
            "its function or its handler."
        )
    if not policy.guards(method):
        return f"Its policy guards {', '.join(policy.methods)} only: name {method} in IdempotencyPolicy(methods=...)."
    if status >= 300:
        return (
            f"It was answered {status} before the guard was reached, by authentication, permissions, throttles or a "
            f"redirect: {seen.response.headers.get('Location') or _body(seen.response)}. Let the client be somebody "
            "who may."
        )
    return (
        "The guard took it for a request without a key, or something around it has answered in its place. Where the "
        "view chooses its policy by the request, pass the one that it chooses as policy=."
    )


def not_begun(seen: Seen, policy: IdempotencyPolicy) -> str | None:
    """Why a first request that reached the guard is not one that a retry could be held to."""
    status, outcome = seen.response.status_code, seen.outcome
    if outcome == Outcome.EXECUTED:
        return None
    if outcome in AGAIN:
        return (
            f"The first request was not the first one with its key ({outcome}): pass another key=, or where the key "
            "is derived another body."
        )
    if outcome in (Outcome.RELEASED, Outcome.FAILED):
        return (
            f"The first request was answered {status}, which the policy does not store, so that a retry runs again: "
            f"{_body(seen.response)}. Send one that succeeds, or name the status in "
            "IdempotencyPolicy(stored_errors=...)."
        )
    hint = " Pass a key= that the policy takes." if outcome == InvalidKey.code else ""
    return f"The first request was refused as {outcome} ({status}): {_body(seen.response)}.{hint}"


def not_replayed(seen: Seen, policy: IdempotencyPolicy) -> str:
    """Why a retry was not answered from the record."""
    status, outcome = seen.response.status_code, seen.outcome
    if outcome is None:
        return (
            f"The retry was answered {status} before it reached the guard: {_body(seen.response)}. A throttle, or a "
            "check around the guard, that lets a request pass only once stops every retry."
        )
    if outcome in (Outcome.EXECUTED, Outcome.RELEASED, Outcome.FAILED):
        return (
            f"The retry ran the view again ({outcome}): to the guard it had another key or another caller. A scope "
            "function and a Derived key must give the same text for the same request each time."
        )
    advice = {
        KeyReused.code: "Its body, path or query is not that of the first one: something in it is made anew for each "
        "request. Name what counts in IdempotencyPolicy(fingerprint_fields=...).",
        ResponseUnavailable.code: "The response was streamed, or is larger than max_body_size = "
        f"{policy.max_body_size}, and was not kept. If that is meant, pass unavailable=True.",
        ResourceGone.code: "The object that the handler has bound is not there any more, or never was.",
        str(Outcome.REPLAYED): "The response was kept after all: leave unavailable=True out.",
    }
    return f"The retry was answered as {outcome} ({status}). {advice.get(outcome, _body(seen.response))}"


def differences(first: Any, again: Any, names: Collection[str]) -> Iterator[str]:
    """In what a replay differs, where it should not: headers of these names."""
    for name in names:
        sent, replayed = first.headers.get(name), again.headers.get(name)
        if sent != replayed:
            yield f"The retry's {name} is {replayed!r}, and the first one's {sent!r}. {AROUND}"


def answers(first: Any, again: Any, body: bytes, policy: IdempotencyPolicy) -> Iterator[str]:
    """
    In what a replay differs from the first answer.

    Args:
        body: what it must have.
    """
    if first.status_code != again.status_code:
        yield f"The retry's status is {again.status_code}, and the first one's {first.status_code}. {AROUND}"
    if body != again.getvalue():
        yield (
            f"The retry's body is {_body(again)}, and should be {shortened(repr(body))}. {AROUND} Or the view redacts "
            "what is stored: pass redacted=."
        )
    yield from differences(first, again, (*REPRESENTATION_HEADERS, *policy.replayed_headers))


def mismatch(seen: Seen, policy: IdempotencyPolicy, answer: Mismatch) -> Iterator[str]:
    """
    Why another body under the key was not answered as the policy says.

    Args:
        answer: what the policy says.
    """
    status, outcome = seen.response.status_code, seen.outcome
    told = f"Another body under the key was answered {status} ({outcome or 'unguarded'}): {_body(seen.response)}."
    replayed = outcome in (Outcome.REPLAYED, ResponseUnavailable.code)
    if answer is Mismatch.REJECT:
        if outcome != KeyReused.code:
            fields = ", ".join(policy.fingerprint_fields)
            counts = f" Only {fields} count: let one of them differ." if fields else ""
            derived = " Its key was derived from it: no key is shared." if outcome == Outcome.EXECUTED else ""
            yield f"{told} It should be refused with {policy.mismatch_status}.{counts}{derived}"
        elif status != policy.mismatch_status:
            yield f"{told} It should be refused with {policy.mismatch_status}. {RENDERER}"
    elif answer is Mismatch.REPLAY and not replayed:
        yield f"{told} It should get the first answer."
    elif not replayed and not (outcome == Outcome.RELEASED and status >= 400):
        yield f"{told} It should be refused by the view's validate_replay, or else get the first answer."


def marks(seen: Seen, name: str, who: str, *, wanted: bool) -> Iterator[str]:
    """Whether an answer says that it is a replay, as it should or should not."""
    found = seen.response.headers.get(name)
    if found != ("true" if wanted else None):
        expected = "true" if wanted else "nothing"
        yield f"{who} says {name}: {found}, and should say {expected}. {AROUND}"


def traces(seen: Seen, who: str, ignored: Collection[str]) -> Iterator[str]:
    """What a request has left behind that should have left nothing."""
    written = [str(write) for write in seen.writes if write.table not in ignored]
    if written:
        yield _listed(
            f"{who} wrote to the database", written, "Name its table in ignore_tables= if that is meant."
        )
    if seen.callbacks:
        yield _listed(f"{who} registered on_commit callbacks", seen.callbacks)
    if seen.mails:
        yield _listed(f"{who} sent mail", seen.mails)


def elsewhere(seen: Seen, alias: str, ignored: Collection[str]) -> Iterator[str]:
    """What a first request of mode atomic has written where its record is not."""
    written = [str(write) for write in seen.writes if write.alias != alias and write.table not in ignored]
    if written:
        yield (
            f"The first request wrote to another database than {alias}, where its record is:{_lines(written)}\n"
            "  It is not committed with the record, and a retry after a crash would write it again. Keep the records "
            "there (IdempotencyPolicy(database=...)), write it in a job that is committed with them, or name its "
            "table in ignore_tables=."
        )


def _listed(what: str, items: list[str], advice: str = "") -> str:
    return (
        f"{what}:{_lines(items)}\n  What stands around the guard runs with each replay: move it into the handler, "
        f"below the guard. {advice}".rstrip()
    )


def _lines(items: list[str]) -> str:
    more = [f"and {len(items) - 3} more"] if len(items) > 3 else []
    return "".join(f"\n    {item}" for item in (*items[:3], *more))


def _body(response: Any) -> str:
    """The beginning of a body, for a message."""
    return "a stream" if response.streaming else shortened(repr(response.content))
