"""What other libraries got wrong about requests: what counts as the same one."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, TokenView, client, effects, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

JSON = "application/json"


class ReadsFirst(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.data, dict)


class Pay(IdempotencyMixin, TokenView):
    def post(self, request: Request, **kwargs: Any) -> Response:
        data: Any = request.data
        amount, upload = int(data.get("amount", 0)), data.get("file")
        Effect.objects.create(label=upload.read().decode("latin-1") if upload else "x", amount=amount)
        return Response({"paid": amount, "query": request.GET.dict()}, status=201)

    patch = post


class PayReadFirst(Pay):
    permission_classes = (ReadsFirst,)


@idempotent
def plain(request: HttpRequest, **kwargs: Any) -> JsonResponse:
    Effect.objects.create(label="x")
    return JsonResponse({"body": request.body.decode("latin-1"), "query": request.GET.dict()}, status=201)


LONG_NAME = "a-long-name-" * 40
urlpatterns = [
    path("pay/", Pay.as_view(), name="pay"),
    path("read-first/", PayReadFirst.as_view(), name="read-first"),
    path("plain/", plain, name="plain"),
    path("long/<path:rest>", Pay.as_view(), name="long"),
    path("long-name/<int:pk>/", Pay.as_view(), name=LONG_NAME),
    path("long-name-too/<int:pk>/", Pay.as_view(), name=f"{LONG_NAME}-too"),
    path("\u00fcber/<path:rest>", Pay.as_view()),
]


def session() -> Client:
    made = Client()
    made.force_login(user("ann"))
    return made


@pytest.mark.parametrize("url", ["/pay/", "/plain/"])
def test_the_query_did_not_count(database: Database, url: str) -> None:
    """REQ 6: `?q=2` got the answer of no `q`; the order of names alone is no difference."""
    caller: Any = client() if url == "/pay/" else session()

    def pay(query: str) -> Any:
        body = b'{"amount": 1}'
        headers = {"Idempotency-Key": "k"}
        return caller.generic("POST", url + query, body, content_type=JSON, headers=headers)

    first = pay("?a=1&b=2")
    for query in ("", "?a=1", "?a=1&b=3", "?a=1&b=2&b=2", "?a=1&b=2&c="):
        assert pay(query).status_code == 422
    assert same(first, pay("?b=2&a=1"))
    assert effects() == 1


@pytest.mark.parametrize("url", ["/pay/", "/read-first/"])
@pytest.mark.parametrize("encoding", ["json", "multipart"])
@pytest.mark.parametrize("method", ["post", "patch"])
def test_pay_999_got_the_answer_of_pay_1(database: Database, url: str, encoding: str, method: str) -> None:
    """REQ 7: a permission class had read the body, the guard saw none, and all bodies were the same."""
    caller = client()

    def pay(amount: int) -> Any:
        return send(caller, url, {"amount": amount}, format=encoding, method=method)

    first = pay(1)
    assert first.json()["paid"] == 1
    refused = pay(999)
    assert (refused.status_code, REPLAYED in refused.headers) == (422, False)
    assert same(first, pay(1))
    assert effects(amount=1) == effects() == 1


@pytest.mark.parametrize("url", ["/pay/", "/read-first/"])
def test_another_file_got_the_answer_of_the_first(database: Database, url: str) -> None:
    """REQ 7: a file counts by its content, is read by the view in full, and its boundary does not count."""
    caller = client()

    def upload(content: bytes) -> Any:
        data = {"amount": 1, "file": SimpleUploadedFile("a.bin", content)}
        return send(caller, url, data, format="multipart")

    first = upload(b"\0one")
    assert upload(b"\0two").status_code == 422
    assert same(first, upload(b"\0one"))
    assert effects(label="\0one") == effects() == 1


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
)
def test_a_form_in_a_patch_did_not_count(database: Database, content_type: str) -> None:
    """REQ 7: Django reads forms of POST only: of a PATCH they were empty, hence all the same."""
    caller = session()

    def patch(amount: int) -> Any:
        body = f"amount={amount}"
        if content_type.startswith("multipart"):
            body = f'--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n{amount}\r\n--b--\r\n'
        return send(caller, "/plain/", body, method="patch", content_type=content_type)

    first = patch(1)
    assert first.status_code == 201
    assert "1" in first.json()["body"]
    assert patch(999).status_code == 422
    assert same(first, patch(1))
    assert effects() == 1


@pytest.mark.parametrize(
    ("content_type", "one", "other"),
    [
        ("text/plain", b"pay 1", b"pay 999"),
        ("text/csv; charset=latin-1", b"caf\xe9;1", b"caf\xe9;2"),
        ("application/octet-stream", b"\0\xff\xfe1", b"\0\xff\xfe2"),
        ("application/json", b'{"broken', b'{"broken"'),
        ("application/json", b'"\\ud800"', b'"\\ud801"'),
        ("application/json", b'{"a": "\\u0000"}', b'{"a": "\\u0001"}'),
        ("application/vnd.own+json", b'{"a": 1}', b'{"a": true}'),
        ("", b"pay 1", b"pay 999"),
    ],
)
def test_text_and_binary_bodies_did_not_count(
    database: Database, content_type: str, one: bytes, other: bytes
) -> None:
    """REQ 7: only JSON was looked at, NUL and Latin-1 crashed: all of it counts, none of it crashes."""
    caller = session()

    def pay(body: bytes) -> Any:
        headers = {"Idempotency-Key": "k"}
        return caller.generic("POST", "/plain/", body, content_type=content_type, headers=headers)

    first = pay(one)
    assert first.status_code == 201
    assert pay(other).status_code == 422
    assert same(first, pay(one))
    assert effects() == 1


@pytest.mark.databases("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize(
    "url",
    [
        f"/long/{'x' * 3000}",
        "/long-name/1/",
        f"/{'%C3%BC'}ber/{'%E2%82%AC' * 500}",
        f"/pay/?q={'y' * 4000}",
    ],
    ids=["path", "name", "unicode", "query"],
)
def test_a_long_url_crashed(database: Database, url: str) -> None:
    """REQ 6: a path or a route name longer than a column was a 500; it works, and counts to its last letter."""
    caller = client()
    first = send(caller, url, {"amount": 1})
    assert first.status_code == 201
    assert same(first, send(caller, url, {"amount": 1}))
    longer = url.replace("/1/", "/2/") if url.endswith("/1/") else f"{url}z"
    assert send(caller, longer, {"amount": 1}).status_code == 422
    assert effects() == 1


def test_long_route_names_with_one_beginning_were_one(database: Database) -> None:
    """REQ 6: two routes whose names differ only past the column's width are two endpoints."""
    caller = client()
    answers = [send(caller, f"/{route}/1/", {"amount": 1}) for route in ("long-name", "long-name-too")]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert effects() == 2


def test_nothing_of_the_request_is_kept(database: Database) -> None:
    """REQ 23: request bodies were stored in clear, card numbers included."""
    caller = client()
    send(caller, "/pay/", {"amount": 1, "card": "4242424242424242"})
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT * FROM idempotency_record")
        assert "4242424242" not in str(cursor.fetchall())
