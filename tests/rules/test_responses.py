"""What is stored of a response, and that a replay is the response."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JsonResponse,
)
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse

from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, REPLAYED, Site, effects, send

ALL_BYTES = bytes(range(256)) * 5
CSV = "città;prezzo\r\nForlì;5\r\n"
ANSWERS: dict[str, Callable[[], HttpResponseBase]] = {
    "JSON": lambda: JsonResponse({"id": "é", "n": [1.0, None]}, status=201),
    "JSON by hand": lambda: HttpResponse(
        b'{ "a":1 }\n', content_type="application/vnd.api+json; v=1", status=202
    ),
    "text": lambda: HttpResponse("smörgås"),
    "nothing, 204": lambda: HttpResponse(status=204),
    "nothing, 204, no type": lambda: _without_type(HttpResponse(status=204)),
    "nothing, 200": lambda: HttpResponse(b""),
    "302": lambda: HttpResponseRedirect("/x/?a=1&b=%C3%A9"),
    "301": lambda: HttpResponsePermanentRedirect("https://example.org/é"),
    "303": lambda: HttpResponse(status=303, headers={"Location": "/y/"}),
    "304": lambda: HttpResponse(status=304, headers={"ETag": '"a"'}),
    "every byte": lambda: HttpResponse(ALL_BYTES, content_type="application/octet-stream"),
    "NUL only": lambda: HttpResponse(b"\0", content_type="application/octet-stream"),
    "PDF": lambda: HttpResponse(
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf", headers={"Content-Disposition": "attachment"}
    ),
    "Latin-1": lambda: HttpResponse(CSV, content_type="text/csv; charset=iso-8859-1"),
    "UTF-16": lambda: HttpResponse(CSV.encode("utf-16"), content_type="text/csv; charset=utf-16"),
    "gzip": lambda: HttpResponse(gzip.compress(b"a" * 99, mtime=0), headers={"Content-Encoding": "gzip"}),
    "an iterator": lambda: HttpResponse(iter(["a", b"b", "c"])),
    "a template": lambda: Late("", status=201),
    "no reason": lambda: HttpResponse(b"x", status=299),
}
LISTED = {
    "Location": "/effects/1?é=%20",
    "Content-Location": "/effects/1",
    "ETag": 'W/"abc"',
    "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT",
    "Link": '</effects/2>; rel="next", </>; rel="up"',
    "Content-Language": "it",
    "Content-Disposition": 'attachment; filename="città.csv"',
}
UNLISTED = {
    "Date": "Wed, 21 Oct 2015 07:28:00 GMT",
    "WWW-Authenticate": "Basic",
    "Authorization": "Bearer x",
    "RateLimit-Remaining": "1",
    "X-RateLimit-Remaining": "1",
    "X-CSRFToken": "x",
    "Vary": "Cookie",
    "Cache-Control": "private",
    "X-Request-Id": "1",
    "Server": "x",
}


class Late(SimpleTemplateResponse):
    """Rendered once the view has returned, with queries of its own."""

    @property
    def rendered_content(self) -> str:
        return f"{Effect.objects.count()} so far"


def _without_type(response: HttpResponse) -> HttpResponse:
    del response.headers["Content-Type"]
    return response


def answering(make: Callable[[], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    def view(request: HttpRequest, rest: str = "") -> HttpResponseBase:
        Effect.objects.create(label="x")
        return make()

    return view


@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_replay_is_the_response(database: Database, site: Site, name: str, drf: bool) -> None:
    """REQ 3, 15: same status, bytes and type on every database, and only the replay says that it is one."""
    bare = send(site(None, answering(ANSWERS[name]), drf=drf))
    Effect.objects.all().delete()
    client = site(OPEN, answering(ANSWERS[name]), drf=drf)
    first, *replays = (send(client) for _ in range(3))
    for answer in (first, *replays):
        assert (answer.status_code, answer.content) == (bare.status_code, bare.content)
        for header in ("Content-Type", "Content-Encoding", *LISTED):
            assert answer.headers.get(header) == bare.headers.get(header)
    assert [answer.headers.get(REPLAYED) for answer in (first, *replays)] == [None, "true", "true"]
    assert effects() == 1


@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
def test_only_listed_headers_are_replayed(database: Database, site: Site, drf: bool) -> None:
    """REQ 16: a replay carries the listed headers, and nothing of one moment, connection or caller."""

    def make() -> HttpResponse:
        response = HttpResponse(b"x", headers={**LISTED, **UNLISTED})
        response.set_cookie("session", "secret")
        return response

    client = site(OPEN, answering(make), drf=drf)
    first, replay = send(client), send(client)
    assert {name: replay.headers.get(name) for name in LISTED} == {
        name: first.headers[name] for name in LISTED
    }
    assert set(UNLISTED) <= set(first.headers)
    # What a middleware or DRF adds to each response, it adds to a replay too.
    assert not (set(UNLISTED) - {"Vary"}) & set(replay.headers)
    assert first.cookies
    assert not replay.cookies


@pytest.mark.databases("sqlite")
def test_a_policy_may_list_more_headers(database: Database, site: Site) -> None:
    """REQ 16: a policy adds headers, in any case of letters, or leaves all out."""

    def make() -> HttpResponse:
        return HttpResponse(b"x", headers={"X-Request-Id": str(Effect.objects.count()), "Location": "/a"})

    client = site(OPEN.but(replayed_headers=("x-request-id",)), answering(make))
    first, replay = send(client), send(client)
    assert replay.headers["X-Request-Id"] == first.headers["X-Request-Id"] == "1"
    assert "Location" not in replay.headers


@pytest.mark.databases("sqlite")
def test_the_names_of_the_marks_are_policy(database: Database, site: Site) -> None:
    """REQ 15: the mark of a replay and the expiry have the policy's names, and are shown to scripts (CORS)."""
    policy = OPEN.but(replayed_header="X-Replayed", expires_header="X-Expires-In")
    client = site(
        policy, answering(lambda: HttpResponse(headers={"Access-Control-Expose-Headers": "X-Mine"}))
    )
    first, replay = send(client), send(client)
    assert ("X-Replayed" in first.headers, replay.headers["X-Replayed"]) == (False, "true")
    assert first.headers["X-Expires-In"] == "86400"
    assert 86_000 < int(replay.headers["X-Expires-In"]) <= 86_400
    assert first.headers["Access-Control-Expose-Headers"] == "X-Mine, X-Replayed, X-Expires-In"
    assert replay.headers["Access-Control-Expose-Headers"] == "X-Replayed, X-Expires-In"
    assert not {REPLAYED, "Idempotency-Key-Expires-In"} & {*first.headers, *replay.headers}


@pytest.mark.parametrize(
    ("changes", "expected"), [({"lifetime": None}, False), ({"expires_header": None}, False), ({}, True)]
)
def test_the_expiry_is_told_where_there_is_one(
    database: Database, site: Site, changes: dict[str, Any], expected: bool
) -> None:
    """REQ 15: a key that lives for ever, and a policy without the header, tell no expiry."""
    client = site(OPEN.but(**changes))
    for answer in (send(client), send(client)):
        assert ("Idempotency-Key-Expires-In" in answer.headers) is expected
        assert ("Expires-In" in answer.headers["Access-Control-Expose-Headers"]) is (
            "expires_header" not in changes
        )


@pytest.mark.databases("sqlite")
def test_what_is_not_stored_is_not_marked(database: Database, site: Site) -> None:
    """REQ 15: a request without a key, and one that is refused by its handler, carry no mark at all."""
    marks = {REPLAYED, "Idempotency-Key-Expires-In", "Access-Control-Expose-Headers"}
    assert not marks & set(send(site(), key=None).headers)
    assert not marks & set(send(site(OPEN, answering(lambda: HttpResponse(status=400)))).headers)
