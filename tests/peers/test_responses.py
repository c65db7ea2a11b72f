"""What other libraries got wrong about responses: what is stored, and what comes back."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import FileResponse, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, TokenView, client, effects, same, send
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

PDF = b"%PDF-1.7\n\0\xff\xfe\x80\x00binary%%EOF"
RESPONSES: dict[str, Any] = {
    "json": lambda: JsonResponse({"paid": True}, status=201),
    "http": lambda: HttpResponse("paid", status=202, content_type="text/plain; charset=utf-16"),
    "nul": lambda: HttpResponse(b"a\0b\0", content_type="application/octet-stream"),
    "latin-1": lambda: HttpResponse("café;1".encode("latin-1"), content_type="text/csv; charset=latin-1"),
    "pdf": lambda: HttpResponse(PDF, content_type="application/pdf", status=201),
    "all-bytes": lambda: HttpResponse(bytes(range(256)) * 9, content_type="application/x-own"),
    "empty": lambda: HttpResponse(status=204),
    "drf-empty": lambda: Response(status=204),
    "drf-none": lambda: Response(None, status=201),
    "drf-unicode": lambda: Response({"name": "Zoë \u20ac \U0001f600 \x00"}),
    "empty-json": lambda: HttpResponse(status=204, content_type="application/json"),
    "lines": lambda: HttpResponse('{"a": 1}\n{"a": 2}\n', content_type="application/x-ndjson"),
    "no-type": lambda: _without_type(),
    "redirect": lambda: HttpResponse(status=303, headers={"Location": "/orders/1/"}),
}


def _without_type() -> HttpResponse:
    response = HttpResponse(b"raw")
    del response.headers["Content-Type"]
    return response


class Pay(IdempotencyMixin, TokenView):
    def post(self, request: Request, kind: str) -> HttpResponseBase:
        Effect.objects.create(label=kind)
        return RESPONSES[kind]()


@api_view(["POST"])
@authentication_classes(TokenView.authentication_classes)
@idempotent
def decorated(request: Request, kind: str) -> HttpResponseBase:
    Effect.objects.create(label=kind)
    return RESPONSES[kind]()


class Dressed(IdempotencyMixin, TokenView):
    idempotency_policy = IdempotencyPolicy(replayed_headers=("Location", "ETag", "X-Request-Id"))

    def post(self, request: Request) -> Response:
        Effect.objects.create(label="x")
        headers = {"Location": "/orders/1/", "ETag": '"1"', "X-Request-Id": "r-1", "X-Own": "own"}
        response = Response({"id": 1}, status=201, headers=headers)
        response.set_cookie("session", "secret-of-ann")
        response["Set-Login"] = "yes"
        return response


class Streaming(IdempotencyMixin, TokenView):
    def post(self, request: Request, kind: str) -> HttpResponseBase:
        Effect.objects.create(label="x")
        if kind == "file":
            return FileResponse(open(__file__, "rb"), filename="own.py")
        return StreamingHttpResponse(iter([b"a", b"b"]), status=201)


urlpatterns = [
    path("mixin/<str:kind>/", Pay.as_view(), name="mixin"),
    path("decorated/<str:kind>/", decorated, name="decorated"),
    path("dressed/", Dressed.as_view(), name="dressed"),
    path("streaming/<str:kind>/", Streaming.as_view(), name="streaming"),
]


@pytest.mark.parametrize("face", ["mixin", "decorated"])
@pytest.mark.parametrize("kind", RESPONSES)
def test_a_response_that_was_no_json_crashed_or_came_back_changed(
    database: Database, face: str, kind: str
) -> None:
    """REQ 3: plain, binary, Latin-1, empty: a 500, an empty body or a second run; here the same bytes again."""
    caller = client()
    first, retry = (send(caller, f"/{face}/{kind}/") for _ in range(2))
    plain = RESPONSES[kind]()
    assert first.status_code == plain.status_code
    if not isinstance(plain, Response):
        assert first.content == plain.content
        assert first.headers.get("Content-Type") == plain.headers.get("Content-Type")
    assert same(first, retry)
    assert effects() == 1


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("kind", RESPONSES)
def test_the_data_of_a_replay_crashed(database: Database, kind: str) -> None:
    """Code that looks at `response.data`, as middleware does, finds JSON or nothing, and no exception."""
    caller = client()
    first, retry = (send(caller, f"/mixin/{kind}/") for _ in range(2))
    assert retry.headers[REPLAYED] == "true"
    is_json = first.headers.get("Content-Type") == "application/json" and first.content
    assert retry.data == (first.json() if is_json else None)


def test_the_first_response_lost_its_headers(database: Database) -> None:
    """REQ 3, 16: custom headers and cookies were lost on the first response already; only replays leave some out."""
    caller = client()
    first, retry = (send(caller, "/dressed/") for _ in range(2))
    assert {name: first.headers.get(name) for name in ("X-Own", "Set-Login")} == {
        "X-Own": "own",
        "Set-Login": "yes",
    }
    assert first.cookies["session"].value == "secret-of-ann"
    kept = {"Location": "/orders/1/", "ETag": '"1"', "X-Request-Id": "r-1"}
    assert same(first, retry)
    assert {name: retry.headers.get(name) for name in kept} == kept
    assert "X-Own" not in retry.headers


def test_cookies_were_replayed(database: Database) -> None:
    """REQ 16: a replay sets no cookie, and none is stored."""
    caller = client()
    send(caller, "/dressed/")
    caller.cookies.clear()
    retry = send(caller, "/dressed/")
    assert retry.headers[REPLAYED] == "true"
    assert not retry.cookies
    assert "secret-of-ann" not in str(stored())


def test_responses_were_pickled(database: Database) -> None:
    """REQ 23: a planted pickle ran commands; what is stored here is text, numbers and the body's own bytes."""
    caller = client()
    first = send(caller, "/mixin/pdf/")
    (row,) = stored()
    assert not [value for value in row if isinstance(value, bytes | memoryview) and bytes(value) != PDF]
    with connection.cursor() as cursor:
        # What another protocol of pickle would begin with; to unpickle it would run it.
        cursor.execute("UPDATE idempotency_record SET response_body = %s", [b"cos\nsystem\n(S'exit 1'\ntR."])
    assert send(caller, "/mixin/pdf/").content == b"cos\nsystem\n(S'exit 1'\ntR."
    assert first.content == PDF


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_a_stream_crashed_or_ran_twice(database: Database, kind: str) -> None:
    """REQ 22: a stream is sent once, and a retry is told that it was carried out: never a second run."""
    caller = client()
    first = send(caller, f"/streaming/{kind}/")
    assert b"".join(first.streaming_content)
    first.close()
    for _ in range(2):
        retry = send(caller, f"/streaming/{kind}/")
        assert (retry.status_code, retry.json()["code"]) == (409, "response_unavailable")
        assert retry.headers["X-Should-Retry"] == "false"
    assert effects() == 1


def stored() -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM idempotency_record")
        return list(cursor.fetchall())
