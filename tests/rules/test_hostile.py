"""Hostile bodies, sent to each kind of view and to its bare twin."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.bodies import Part, multipart
from tests.rules.parts import REPLAYED
from tests.rules.twins import POLICIES, VIEWS

pytestmark = pytest.mark.urls("tests.rules.twins")

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=x"
PNG, PNG_TYPE = multipart(Part("f", b"\x89PNG\0\xff" * 9, "a.png", "image/png"), boundary="x")
DEEP = b"[" * 3000 + b"]" * 3000

BODIES: dict[str, tuple[bytes, str]] = {
    "deep arrays": (DEEP, JSON),
    "deep objects": (b'{"a":' * 3000 + b"1" + b"}" * 3000, JSON),
    "deep and unfinished": (b"[" * 100_000, JSON),
    "deep in another type": (DEEP, "application/vnd.api+json"),
    "lone surrogates": (b'{"\\ud800": "\\udfff", "a": ["\\udc00\\ud800"]}', JSON),
    "NaN and infinities": (b"[NaN, Infinity, -Infinity, 1e999, -1e999]", JSON),
    "NUL in a string": (b'{"a\\u0000": "\\u0000"}', JSON),
    "NUL in the body": (b'{"a": "\0"}\0', JSON),
    "only NUL": (b"\0" * 100, JSON),
    "two of a name": (b'{"a": 1, "a": {"a": 2, "a": 3}}', JSON),
    "huge whole number": (b"[" + b"9" * 4300 + b"]", JSON),
    "number too long for Python": (b"[" + b"9" * 5000 + b"]", JSON),
    "huge exponents": (b"[1e308, 1e309, 1E-400, -0.0, 1e999999999]", JSON),
    "malformed JSON": (b'{"a": 1,}', JSON),
    "truncated JSON": (b'{"amount": 100, "to": "a', JSON),
    "two documents": (b"{}{}", JSON),
    "no text at all": (b'{"a": "\xff\xfe\xfd"}', JSON),
    "half of a UTF-8 letter": (b'"\xc3"', JSON),
    "UTF-16": ('{"a": "é"}'.encode("utf-16"), JSON),
    "UTF-16 cut in a letter": ('{"a": "é"}'.encode("utf-16")[:-1], JSON),
    "byte order mark": (b"\xef\xbb\xbf{}", JSON),
    "empty": (b"", JSON),
    "empty form": (b"", FORM),
    "empty multipart": (b"", MULTIPART),
    "no type": (b"{}", ""),
    "a type that is none": (b"{}", "json"),
    "a type of nonsense": (b"{}", ";;=\xe9/;charset"),
    "an unknown type": (b"<a/>", "application/x-nobody-knows"),
    "JSON that says it is a form": (b'{"a": 1}', FORM),
    "a form that says it is JSON": (b"a=1", JSON),
    "text that says it is multipart": (b"hello", MULTIPART),
    "thousands of fields": (b"&".join(b"f%d=1" % n for n in range(5000)), FORM),
    "thousands of parts": multipart(*[Part(f"f{n}", b"1") for n in range(1500)], boundary="x"),
    "hundreds of files": multipart(*[Part(f"f{n}", b"1", "a.txt") for n in range(150)], boundary="x"),
    "a form of nonsense": (b"%%%=&&&=%00%ff&%zz&\xff=\xfe", FORM),
    "a form in another charset": (b"a=%e9", f"{FORM}; charset=latin-1"),
    "multipart": (PNG, PNG_TYPE),
    "multipart cut in a file": (PNG[:-30], PNG_TYPE),
    "multipart cut in a header": (PNG[:30], PNG_TYPE),
    "multipart without a boundary": (PNG, "multipart/form-data"),
    "multipart with another boundary": (PNG, "multipart/form-data; boundary=y"),
    "multipart with a bad boundary": (PNG, "multipart/form-data; boundary=\xe9\xe9"),
    "multipart with a long boundary": (PNG, "multipart/form-data; boundary=" + "x" * 300),
    "multipart with NUL in names": multipart(Part("a\0", b"\0.txt"), boundary="x"),
    "multipart in bad base64": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--\r\n',
        MULTIPART,
    ),
    "multipart that announces a length": (
        PNG.replace(b"image/png", b"image/png\r\nContent-Length: -1"),
        PNG_TYPE,
    ),
    **{
        f"{kind} in charset {charset}": (body, f"{content_type}; charset={charset}")
        for charset in (
            "nobody-knows",
            "hex",
            "rot13",
            "undefined",
            "idna",
            "utf-7",
            "a" * 300,
            "utf-16",
        )
        for kind, body, content_type in (
            ("JSON", b'{"a": 1}', JSON),
            ("form", b"a=1&b=%e9", FORM),
            ("multipart", PNG, PNG_TYPE),
        )
    },
}


def post(
    path: str, body: bytes, content_type: str, *, method: str = "POST", key: str = "", **extra: Any
) -> Any:
    client = Client(raise_request_exception=False)
    headers = {"Idempotency-Key": key} if key else {}
    return client.generic(method, path, body, content_type, headers=headers, **extra)


def complaints(
    body: bytes,
    content_type: str,
    *,
    views: Iterable[str] = VIEWS,
    policies: Iterable[str] = tuple(POLICIES),
    **extra: Any,
) -> list[str]:
    """Send it to each bare twin, then twice to each guarded one; tell where the guard made it worse."""
    found = []
    for view in views:
        bare = post(f"/bare/{view}/x", body, content_type, **extra).status_code
        for policy in policies:
            path = f"/{policy}/{view}/x"
            first, second = (post(path, body, content_type, key=path, **extra) for _ in range(2))
            answers = (first.status_code, second.status_code, second.headers.get(REPLAYED))
            effects = Effect.objects.filter(label=path).count()
            kept = IdempotencyRecord.objects.filter(key=path).count()
            if not _is_fine(bare, answers, effects, kept) or first.content != second.content:
                found.append(f"{path}: bare {bare}, guarded {answers}, effects {effects}, records {kept}")
    return found


def _is_fine(bare: int, answers: tuple[int, int, str | None], effects: int, kept: int) -> bool:
    if answers == (201, 201, "true"):
        return bare == 201 and effects == kept == 1
    # Refused by the view as it refuses without a guard, or by the guard, which could not tell what the body means.
    refused = answers[0] == bare or 400 <= answers[0] < 500
    return refused and answers == (answers[0], answers[0], None) and effects == kept == 0


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_breaks_nothing(database: Database, name: str) -> None:
    """REQ 7, 9: a body that is hostile or broken is served once or refused, never a new 500, never unprotected."""
    assert complaints(*BODIES[name]) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "name", sorted(name for name, body in BODIES.items() if not body[1].startswith(JSON))
)
def test_other_methods_fare_no_worse(database: Database, name: str, method: str) -> None:
    """REQ 7, 21: the same for methods whose forms Django does not read by itself."""
    assert complaints(*BODIES[name], method=method, policies=["semantic"]) == []


@pytest.mark.parametrize("name", ["lone surrogates", "NUL in a string", "multipart with NUL in names"])
def test_no_database_minds(database: Database, name: str) -> None:
    """REQ 29: what databases cannot store as text is served alike on each of them."""
    assert complaints(*BODIES[name]) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("content_type", [JSON, FORM, "text/plain"])
def test_ten_megabytes(database: Database, content_type: str) -> None:
    """REQ 22: a body of 10 MB is served or refused as Django is configured to, and never runs twice."""
    assert complaints(json.dumps(["x" * 10_000_000]).encode(), content_type) == []


@pytest.mark.databases("sqlite")
def test_an_upload_of_ten_megabytes(database: Database) -> None:
    """REQ 22: a file of 10 MB is uploaded once. Django shows the bytes of it to nobody, so no view reads them."""
    body, content_type = multipart(Part("f", b"x" * 10_000_000, "big.bin"), boundary="x")
    views = ["ignores", "form", "drf-ignores", "drf-data"]
    assert complaints(body, content_type, views=views) == []


class Lost(io.BytesIO):
    """The body of a client that goes away while it is being read."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("content_type", [JSON, FORM, PNG_TYPE, "text/plain"])
def test_a_client_that_goes_away(database: Database, content_type: str) -> None:
    """REQ 9: a connection that breaks within the body is refused where the guard has to read it, with no new 500."""
    environ: dict[str, Any] = {"wsgi.input": Lost()}
    assert complaints(PNG, content_type, **environ) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("content_type", [JSON, FORM, MULTIPART, "text/plain"])
@pytest.mark.parametrize("length", ["0", ""])
def test_a_body_without_a_length(database: Database, content_type: str, length: str) -> None:
    """REQ 9: a body whose Content-Length is 0 or missing does no more harm than without a guard."""
    assert complaints(PNG, content_type, policies=["semantic"], CONTENT_LENGTH=length) == []
