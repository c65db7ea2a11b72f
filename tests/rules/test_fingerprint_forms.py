"""What "the same request" means for forms and files."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, JsonResponse

from tests.app.models import Effect
from tests.rig import Database
from tests.rules.bodies import Part, multipart
from tests.rules.parts import OPEN, Site, code, effects, is_replay, send

pytestmark = pytest.mark.databases("sqlite")

FORM = "application/x-www-form-urlencoded"
METHODS = OPEN.but(methods=("POST", "PATCH", "PUT"))
CV = Part("file", b"\x00\xff\r\n--another\r\nlast words", "cv.pdf", "application/pdf")
NAME = Part("name", b"Ann")
faces = pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
methods = pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])


@faces
@methods
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a=1&b=2", "b=2&a=1", True),
        ("a=1&b=2", "a=%31&b=%32", True),
        ("a=x+y", "a=x%20y", True),
        ("a=", "a", True),
        ("a=1&a=2", "a=2&a=1", False),
        ("a=1", "a=1&a=1", False),
        ("a=1", "a=1&b=", False),
        ("a=1", "a=01", False),
        ("a=1&b=2", "a=1%26b=2", False),
        ("a=1&a=2", "a=12", False),
        ("a=%00", "a=", False),
        ("a=1", "A=1", False),
    ],
)
def test_a_form_is_its_pairs(
    database: Database, site: Site, first: str, second: str, expected: bool, drf: bool, method: str
) -> None:
    """REQ 7: a form is compared by its pairs; the order of different names does not matter, that of one name does."""
    client = site(METHODS, drf=drf)
    answers = [send(client, body, content_type=FORM, method=method) for body in (first, second)]
    assert is_replay(*answers) is expected
    assert code(answers[1]) == (None if expected else "idempotency_conflict")
    assert effects() == 1


@faces
@methods
def test_a_new_boundary_does_not_matter(database: Database, site: Site, drf: bool, method: str) -> None:
    """REQ 7: SDKs make a new multipart boundary for each retry, and put parts in any order."""
    client = site(METHODS, drf=drf)
    first = _upload(client, NAME, CV, boundary="one-1", method=method)
    assert first.status_code == 201
    for boundary in ("one-2", "-" * 40 + "x", "'()+_,./:="):
        assert is_replay(first, _upload(client, NAME, CV, boundary=f'"{boundary}"', method=method))
    assert is_replay(first, _upload(client, CV, NAME, boundary="three", method=method))
    assert effects() == 1


@faces
@methods
@pytest.mark.parametrize(
    "parts",
    [
        (NAME, CV._replace(content=CV.content[:-1])),
        (NAME, CV._replace(content=b"")),
        (NAME, CV._replace(filename="cv2.pdf")),
        (NAME, CV._replace(content_type="text/plain")),
        (NAME, CV._replace(name="letter")),
        (NAME, CV, CV),
        (NAME,),
        (CV,),
        (NAME._replace(content=b"Bob"), CV),
        (NAME, Part("file", CV.content)),
    ],
)
def test_a_changed_part_matters(
    database: Database, site: Site, parts: tuple[Part, ...], drf: bool, method: str
) -> None:
    """REQ 7: another content, name or type of a file, or another field, is another request."""
    client = site(METHODS, drf=drf)
    assert _upload(client, NAME, CV, method=method).status_code == 201
    assert code(_upload(client, *parts, method=method)) == "idempotency_conflict"
    assert effects() == 1


@faces
@pytest.mark.parametrize("size", [10, 3_000_000], ids=["in memory", "on disk"])
def test_the_handler_reads_a_file_from_its_start(
    database: Database, site: Site, size: int, drf: bool
) -> None:
    """REQ 7: a file is hashed before the handler runs, which still gets all of it, small or large."""

    def length(request: HttpRequest) -> JsonResponse:
        Effect.objects.create(label="x")
        return JsonResponse({"length": len(request.FILES["file"].read())}, status=201)  # type: ignore[union-attr]

    client = site(OPEN, length, drf=drf)
    big = CV._replace(content=b"x" * size)
    first = _upload(client, big, boundary="one")
    assert first.status_code == 201
    assert first.json() == {"length": size}
    assert is_replay(first, _upload(client, big, boundary="two"))
    assert code(_upload(client, big._replace(content=b"x" * (size - 1) + b"y"))) == "idempotency_conflict"


def _upload(client: Any, *parts: Part, boundary: str = "one", method: str = "POST") -> Any:
    body, _ = multipart(*parts, boundary=boundary.strip('"'))
    return send(client, body, content_type=f"multipart/form-data; boundary={boundary}", method=method)
