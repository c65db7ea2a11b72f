"""A policy that cannot be kept is refused where it is written, with every fault."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from django_idempotency import (
    BodyField,
    Derived,
    Fingerprint,
    Header,
    IdempotencyPolicy,
    Mismatch,
    Mode,
    PolicyError,
    Unknown,
)

NAN = float("nan")
WRONG: list[tuple[str, Any, str]] = [
    # No source, no sources, or sources that could never be read.
    ("keys", (), "empty"),
    ("keys", Header("Idempotency-Key"), "comma"),
    ("keys", [Header("Idempotency-Key")], "tuple"),
    ("keys", "Idempotency-Key", "tuple"),
    ("keys", ("Idempotency-Key",), "Header"),
    ("keys", (None,), "Header"),
    ("keys", (Header,), "Header"),
    *[("keys", (Header(name),), "header name") for name in ("", "A Key", "Key:", "Kéy", "Key\n", "a,b")],
    ("keys", (Header(None),), "header name"),  # type: ignore[arg-type]
    ("keys", (Header(b"Key"),), "header name"),  # type: ignore[arg-type]
    ("keys", (BodyField(""),), "BodyField"),
    ("keys", (BodyField(None),), "BodyField"),  # type: ignore[arg-type]
    ("keys", (Derived("path.to.function"),), "Derived"),  # type: ignore[arg-type]
    ("keys", (Derived(None),), "Derived"),  # type: ignore[arg-type]
    *[("required", value, "True or False") for value in (None, 1, "yes")],
    *[("min_length", value, "1 <= min_length") for value in (0, -1, 256, 1000)],
    *[("min_length", value, "whole number") for value in (None, 1.0, "1", True)],
    *[("max_length", value, "max_length <= 256") for value in (0, -1, 257)],
    *[("max_length", value, "whole number") for value in (None, 255.0, "255", False)],
    *[("characters", value, "regular expression") for value in (None, "[", "(", "*", "a)", rb"\w", "[z-a]")],
    *[("characters", value, "no character") for value in ("", "[é]", "ab", "\\x00", "(?!.).")],
    *[("syntax", value, "KeySyntax") for value in (None, "lenient", object())],
    ("methods", (), "empty"),
    ("methods", "POST", "comma"),
    ("methods", ["POST"], "tuple"),
    *[
        ("methods", (method,), "can be guarded")
        for method in ("GET", "HEAD", "OPTIONS", "TRACE", "post", "", "*")
    ],
    ("methods", ("POST", None), "tuple of methods"),
    ("methods", (1, "X"), "tuple of methods"),
    ("methods", (["POST"],), "tuple of methods"),
    *[("scope", value, "dotted path") for value in (1, (), "", "everyone", ["a.b"])],
    ("endpoint", "", "1 to 255"),
    ("endpoint", "e" * 256, "1 to 255"),
    ("endpoint", "a\0b", "text"),
    ("endpoint", "a\ud800", "text"),
    *[("endpoint", value, "a name") for value in (1, b"pay", ("pay",))],
    *[("endpoint_in_key", value, "True or False") for value in (None, 0, "")],
    *[("fingerprint", value, "Fingerprint") for value in (None, "raw", Mismatch.REJECT)],
    ("fingerprint_fields", "amount", "comma"),
    ("fingerprint_fields", ["amount"], "tuple"),
    ("fingerprint_fields", (1,), "names"),
    ("fingerprint_fields", ("amount", None), "names"),
    *[("on_mismatch", value, "Mismatch") for value in (None, "reject", True)],
    *[("on_other_target", value, "Mismatch") for value in (None, "reject")],
    ("on_other_target", Mismatch.VALIDATE, "VALIDATE"),
    *[("mismatch_status", value, "400, 409 or 422") for value in (200, 401, 404, 500, 0, -1)],
    *[("mismatch_status", value, "status") for value in (None, "422", 422.0)],
    *[("in_flight_wait", value, "0 to 60") for value in (-1, -0.1, 60.1, 10**9, NAN, float("inf"))],
    *[("in_flight_wait", value, "number") for value in (None, "1", True, timedelta(seconds=1))],
    *[("in_flight_status", value, "409, or 503") for value in (200, 400, 423, 425, 429, 500)],
    *[("in_flight_status", value, "status") for value in (None, "409")],
    *[("retry_after", value, "at least 1") for value in (0, -1)],
    *[("retry_after", value, "whole number") for value in (None, 1.5, "1", True)],
    *[("mode", value, "Mode") for value in (None, "atomic")],
    ("lease", timedelta(minutes=2), "no meaning without mode=Mode.LEASED"),
    ("on_unknown", Unknown.RETRY, "no meaning without mode=Mode.LEASED"),
    ("reconcile", print, "no meaning without mode=Mode.LEASED"),
    ("pointer", "path.to.function", "no meaning without mode=Mode.LEASED"),
    *[("stored_errors", frozenset({s}), "never stored") for s in (401, 403, 408, 412, 423, 425, 428, 429)],
    *[("stored_errors", frozenset({s}), "400 to 599") for s in (0, 200, 302, 399, 600, -400, True)],
    *[("stored_errors", frozenset({s, 99}), "statuses") for s in ("400", None, 400.5)],
    *[("stored_errors", value, "frozenset") for value in (None, {400}, [400], (400,), 400)],
    *[
        ("replayed_headers", (name,), "moment, connection or caller")
        for name in (
            *("Set-Cookie", "SET-COOKIE", "Date", "WWW-Authenticate", "Authorization", "Proxy-Authenticate"),
            *("RateLimit-Limit", "RateLimit", "X-RateLimit-Remaining", "X-Rate-Limit-Reset", "X-CSRFToken"),
            *(
                "X-CSRF-Token",
                "CSRF-Token",
                "X-XSRF-TOKEN",
                "Content-Length",
                "Transfer-Encoding",
                "Connection",
            ),
        )
    ],
    *[("replayed_headers", (name,), "no header name") for name in ("", "X Y", "X\r\nSet-Cookie")],
    *[("replayed_headers", ("Location", name), "names") for name in (None, 1, b"X")],
    ("replayed_headers", "Location", "comma"),
    ("replayed_headers", ["Location"], "tuple"),
    ("max_body_size", -1, "negative"),
    *[("max_body_size", value, "bytes") for value in (None, 1e6, "1MB", True)],
    *[("replayed_header", value, "no header name") for value in ("", "Is Replay", "X\n", "é")],
    *[("replayed_header", value, "header's name") for value in (None, 1, True)],
    *[("expires_header", value, "no header name") for value in ("", "Expires In", "X\r\n")],
    *[("expires_header", value, "header's name") for value in (1, False)],
    *[("lifetime", value, "more than nothing") for value in (timedelta(0), timedelta(-1), timedelta(3661))],
    *[("follows", (value,), "'app.Model'") for value in ("Effect", "tests.app.Effect")],
    *[("gone_status", value, "404, or 410") for value in (200, 403, 409, 500)],
    *[("lifetime", value, "timedelta") for value in (86400, "1d", 0)],
    *[("database", value, "alias") for value in (1, ("default",), False)],
    *[("renderer", value, "dotted path") for value in (1, "", "render", ())],
]
CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"min_length": 20, "max_length": 10}, "min_length"),
    ({"fingerprint": Fingerprint.RAW, "fingerprint_fields": ("amount",)}, "fingerprint_fields"),
    ({"fingerprint": Fingerprint.TARGET, "fingerprint_fields": ("amount",)}, "fingerprint_fields"),
    ({"fingerprint": Fingerprint.TARGET, "stored_errors": frozenset({404})}, "stored_errors"),
    ({"fingerprint_fields": ("amount",), "stored_errors": frozenset({400})}, "stored_errors"),
    ({"on_mismatch": Mismatch.REPLAY, "stored_errors": frozenset({404})}, "stored_errors"),
    ({"on_mismatch": Mismatch.VALIDATE, "stored_errors": frozenset({404})}, "stored_errors"),
    ({"replayed_header": "X-Idempotency", "expires_header": "x-idempotency"}, "expires_header"),
]


@pytest.mark.parametrize(
    ("field", "value", "reason"), WRONG, ids=[f"{wrong[0]}-{number}" for number, wrong in enumerate(WRONG)]
)
def test_a_wrong_value_is_refused_where_it_is_written(field: str, value: Any, reason: str) -> None:
    """Each wrong value is a PolicyError that names the field and says what would be right."""
    with pytest.raises(PolicyError, match=rf"\b{field}\b") as refused:
        IdempotencyPolicy(**{field: value})
    assert reason in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(("values", "field"), CONTRADICTIONS, ids=range(len(CONTRADICTIONS)))
def test_contradictions_are_refused(values: dict[str, Any], field: str) -> None:
    """REQ 10: two values that are fine alone and cannot both be kept are a PolicyError."""
    for name, value in values.items():
        if name != "min_length":
            IdempotencyPolicy(**{name: value})
    with pytest.raises(PolicyError, match=rf"\b{field}\b"):
        IdempotencyPolicy(**values)


def test_every_fault_is_told_at_once() -> None:
    """Several faults are one error that lists them all: nobody mends a policy fault by fault."""
    with pytest.raises(PolicyError) as refused:
        IdempotencyPolicy(
            mismatch_status=404,
            in_flight_wait=-1,
            retry_after=0,
            methods=("GET",),
            replayed_headers=("Set-Cookie", "Date"),
            stored_errors=frozenset({401, 200}),
            lease=timedelta(minutes=2),
        )
    told = str(refused.value)
    for part in (
        "mismatch_status",
        "in_flight_wait",
        "retry_after",
        "GET",
        "Set-Cookie",
        "Date",
        "401",
        "200",
    ):
        assert part in told
    assert "LEASED" in told


def test_every_wrong_type_is_told_at_once() -> None:
    """Several values of wrong types are one error, too."""
    with pytest.raises(PolicyError, match=r"required.*keys|keys.*required"):
        IdempotencyPolicy(keys="Idempotency-Key", required="no")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lease": timedelta(milliseconds=999)}, "a second to a day"),
        ({"lease": timedelta(days=1, seconds=1)}, "a second to a day"),
        ({"lease": 60}, "timedelta"),
        ({"on_unknown": "retry"}, "an Unknown"),
        ({"on_unknown": Unknown.RECONCILE}, "need each other"),
        ({"reconcile": print}, "need each other"),
        ({"on_unknown": Unknown.RETRY, "reconcile": print}, "need each other"),
        ({"pointer": "nowhere"}, "dotted path"),
    ],
)
def test_faults_of_mode_leased(values: dict[str, Any], words: str) -> None:
    """What only mode leased has is checked where the policy is written, too."""
    with pytest.raises(PolicyError, match=words):
        IdempotencyPolicy(mode=Mode.LEASED, **values)


def test_a_policy_error_is_a_value_error() -> None:
    """Code that builds policies from configuration may catch what Python would raise."""
    with pytest.raises(ValueError, match="max_length"):
        IdempotencyPolicy(max_length=0)
