"""The same bytes under the same key are not parsed again and again, and that refuses nobody and mixes nothing up."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from pytest_django.fixtures import Settings
from rest_framework.parsers import FileUploadParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import Fingerprint, fingerprints
from django_idempotency.http import HttpCall
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.recent import recent
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.bodies import Part, multipart
from tests.rules.parts import OPEN, Site, code, effects, is_replay, send
from tests.rules.test_fingerprints import VALUES

pytestmark = pytest.mark.databases("sqlite")

BODY = b'{"amount": 1, "note": "a"}'
FORM = "application/x-www-form-urlencoded"
faces = pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])


class Counting(JSONParser):
    """JSON, and how often it has been parsed."""

    times = 0

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        Counting.times += 1
        return super().parse(*args, **kwargs)


class View(IdempotencyMixin, APIView):
    """Reads its body, as most views do."""

    authentication_classes = ()
    idempotency_policy = OPEN
    parser_classes: Any = (Counting,)

    def post(self, request: Request) -> Response:
        return Response({"id": Effect.objects.create(label=str(request.data)[:10]).pk}, status=201)


class Upload(View):
    parser_classes = (FileUploadParser,)


def test_a_replay_does_not_parse_the_bytes_again(
    database: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQ 7: by its first retry the process knows the bytes; what comes after costs no parsing."""
    monkeypatch.setattr(Counting, "times", 0)
    client = site(None, View.as_view())
    first, *others = (send(client, BODY) for _ in range(5))
    assert all(is_replay(first, other) for other in others)
    assert (Counting.times, effects()) == (2, 1)


@faces
@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({"body": b'{"note":"a","amount":1.0}'}, True),
        ({"body": b'{"amount": 2, "note": "a"}'}, False),
        ({"body": BODY + b" "}, True),
        ({"content_type": "application/json; charset=utf-8"}, True),
        ({"content_type": "text/plain"}, False),
        ({"content_type": FORM}, False),
        ({"path": "/posts/1/?a=1"}, False),
        ({"path": "/posts/2/"}, False),
        ({"headers": {"Accept-Language": "fr"}}, True),
    ],
    ids=["restated", "changed", "longer", "charset", "text", "form", "query", "path", "header"],
)
def test_what_is_remembered_passes_for_nothing_else(
    database: Database, site: Site, other: dict[str, Any], same: bool, drf: bool
) -> None:
    """REQ 6, REQ 7: another body, another way to read it, or another target is judged as if nothing were known."""
    client = site(OPEN, drf=drf)
    usual: dict[str, Any] = {"body": BODY, "path": "/posts/1/"}
    first, *_ = (send(client, **usual) for _ in range(3))
    answer = send(client, **{**usual, **other})
    assert is_replay(first, answer) is same
    assert code(answer) == (None if same else "idempotency_conflict")
    assert is_replay(first, send(client, **usual))
    assert effects() == 1


@faces
def test_nor_does_it_for_another_policy(database: Database, site: Site, drf: bool) -> None:
    """REQ 7: named fields are compared as named fields, also where the whole body is remembered."""
    named = OPEN.but(fingerprint_fields=("amount",))
    policies = [named, OPEN.but(fingerprint_fields=("note",)), OPEN, OPEN.but(fingerprint=Fingerprint.RAW)]
    first, *_ = (send(site(named, drf=drf), BODY) for _ in range(3))
    for policy in policies:
        assert is_replay(first, send(site(policy, drf=drf), BODY))
    assert is_replay(first, send(site(named, drf=drf), b'{"amount": 1, "note": "b"}'))
    assert code(send(site(named, drf=drf), b'{"amount": 2}')) == "idempotency_conflict"
    assert effects() == 1


def test_an_upload_is_its_name_as_well(database: Database, site: Site) -> None:
    """REQ 7: what a parser reads in the headers of the body is part of the body."""

    def upload(name: str) -> Any:
        said = {"Content-Disposition": f"attachment; filename={name}"}
        return send(client, b"the file", content_type="image/png", headers=said)

    client = site(None, Upload.as_view())
    first, *_ = (upload("a.png") for _ in range(3))
    assert code(upload("b.png")) == "idempotency_conflict"
    assert is_replay(first, upload("a.png"))
    assert effects() == 1


class Strict(View):
    """Refuses a body without an amount."""

    parser_classes = (JSONParser,)

    def post(self, request: Request) -> Response:
        return super().post(request) if "amount" in request.data else Response(status=400)


def test_a_body_is_as_long_as_its_request_says(database: Database) -> None:
    """REQ 7: DRF takes a body in chunks for empty, on ASGI; the same bytes with a length are another body."""

    def ask(*headers: tuple[bytes, bytes]) -> Any:
        sent = [(b"content-type", b"application/json"), (b"idempotency-key", b"k"), *headers]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": sent}
        return Strict.as_view()(ASGIRequest(scope, io.BytesIO(BODY)))

    length = b"content-length", str(len(BODY)).encode()
    assert [ask().status_code, ask().status_code, ask(length).status_code] == [400, 400, 201]
    recent.forget()  # as another process would
    assert ask(length).headers["Idempotent-Replayed"] == "true"
    assert effects() == 1


@faces
def test_what_is_too_large_to_be_held_is_parsed_each_time(
    database: Database, site: Site, settings: Settings, drf: bool
) -> None:
    """REQ 7: an upload past DATA_UPLOAD_MAX_MEMORY_SIZE has no bytes to be remembered; its file counts as ever."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    client = site(OPEN, drf=drf)

    def upload(content: bytes) -> Any:
        body, content_type = multipart(Part("file", content, "a.bin", "application/octet-stream"))
        return send(client, body, content_type=content_type)

    first, *others = (upload(b"x" * 1000) for _ in range(4))
    assert all(is_replay(first, other) for other in others)
    assert code(upload(b"y" * 1000)) == "idempotency_conflict"
    assert effects() == 1


def test_a_form_whose_bytes_somebody_has_read_is_parsed_each_time(
    database: Database, site: Site, settings: Settings
) -> None:
    """REQ 7: the check for CSRF reads a multipart form before the guard; there are no bytes left to compare."""
    settings.MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]
    site(OPEN)
    client = Client(enforce_csrf_checks=True)
    token = get_token(RequestFactory().get("/"))
    client.cookies["csrftoken"] = token

    def submit(note: bytes) -> Any:
        body, content_type = multipart(Part("csrfmiddlewaretoken", token.encode()), Part("note", note))
        return send(client, body, content_type=content_type)

    first, *others = (submit(b"a") for _ in range(4))
    assert all(is_replay(first, other) for other in others)
    assert code(submit(b"b")) == "idempotency_conflict"
    assert effects() == 1


@given(VALUES, VALUES)
@hypothesis_settings(deadline=None, max_examples=300)
def test_what_is_taken_does_not_depend_on_what_was_taken_before(first: Any, second: Any) -> None:
    """REQ 7: whatever came before, the fingerprint of a body is its own."""

    def call(body: Any) -> HttpCall:
        content = json.dumps(body)
        return HttpCall(
            RequestFactory().generic("POST", "/", content, "application/json"), OPEN, HttpResponse
        )

    fresh = fingerprints.take(call(first))
    known = fingerprints.take(call(first), fresh)
    assert known.fingerprint == fresh.fingerprint
    assert len(known.written or b"") == 32  # whatever was sent
    assert fingerprints.take(call(second), known).fingerprint == fingerprints.take(call(second)).fingerprint
