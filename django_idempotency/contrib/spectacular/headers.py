"""The headers of a policy, as a schema writes them."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.utils import OpenApiParameter

from ...choices import KeySyntax
from ...keys import BodyField, Derived, Header
from ...policy import IdempotencyPolicy

KEY = (
    "The client's own name for this operation, the same with each retry: a retry gets the first answer, "
    "and nothing is done twice."
)
SYNTAX = {
    KeySyntax.LENIENT: "",
    KeySyntax.STRICT: " A quoted string (RFC 9651).",
    KeySyntax.LITERAL: " Taken to the letter, quotes included.",
}


def key_parameters(policy: IdempotencyPolicy) -> Iterator[OpenApiParameter]:
    """The headers that a key may travel in. One in the body belongs to the body's schema, a derived one is not sent."""
    sent = [source for source in policy.keys if isinstance(source, Header | BodyField)]
    needed = policy.required and sent == [*policy.keys]
    # Each character stands for itself, but for the quotes around them.
    quotes = 2 if policy.syntax is KeySyntax.STRICT else 0
    for source in sent:
        if isinstance(source, Header):
            yield OpenApiParameter(
                source.name,
                {
                    "type": "string",
                    "minLength": policy.min_length + quotes,
                    "maxLength": policy.max_length + quotes,
                },
                OpenApiParameter.HEADER,
                required=needed and len(sent) == 1,
                description=KEY + SYNTAX[policy.syntax] + _elsewhere(source, sent, needed=needed),
            )


def _elsewhere(source: Header, sent: list[Header | BodyField], *, needed: bool) -> str:
    others = " or ".join(other.name for other in sent if other != source)
    if not others:
        return ""
    return f" It may be sent in {others} instead" + ("; one of them is required." if needed else ".")


def response_headers(policy: IdempotencyPolicy, status: str) -> dict[str, Any]:
    """The headers of an answer of the view's own, where the policy stores it."""
    if not _keeps(policy, status):
        return {}
    headers: dict[str, Any] = {}
    if any(not isinstance(source, Derived) or source.marked for source in policy.keys):
        headers[policy.replayed_header] = {
            "schema": {"type": "boolean"},
            "description": "`true` where this is the answer to an earlier request with the same key.",
        }
    if policy.expires_header is not None and policy.lifetime is not None:
        headers[policy.expires_header] = {
            "schema": {"type": "integer", "minimum": 0},
            "description": "Seconds until the key is free again.",
        }
    return headers


def merged(declared: dict[str, Any], headers: dict[str, Any]) -> dict[str, Any]:
    """All of them; of two that are the same, in whatever case, the declared one."""
    names = {name.lower() for name in declared}
    return {**declared, **{name: each for name, each in headers.items() if name.lower() not in names}}


def _keeps(policy: IdempotencyPolicy, status: str) -> bool:
    return policy.keeps(int(status)) if status.isdigit() else status in ("2XX", "3XX")
