"""Responses that are too large to keep, or that are streams: they run once, and their replay says so."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient
from django.urls import path
from pytest_django.fixtures import Settings

from django_idempotency.decorators import idempotent
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, REPLAYED, Site, code, effects, records, send
from tests.rules.test_responses import answering

SMALL = OPEN.but(max_body_size=10)
HEADERS = {"Location": "/effects/1", "Set-Cookie": "a=b", "X-Mine": "1"}


async def letters() -> AsyncIterator[bytes]:
    for letter in (b"a", b"b", b"c"):
        yield letter


LARGE: dict[str, Callable[[], HttpResponseBase]] = {
    "too large": lambda: HttpResponse(b"x" * 11, status=201, headers=HEADERS),
    "a stream": lambda: StreamingHttpResponse(iter([b"a", b"b"]), status=201, headers=HEADERS),
    "an empty stream": lambda: StreamingHttpResponse(iter(()), status=201, headers=HEADERS),
    "a file": lambda: FileResponse(Path(__file__).open("rb"), status=201, headers=HEADERS),  # noqa: SIM115  (the response closes it)
    "a buffer": lambda: FileResponse(io.BytesIO(b"abc"), status=201, headers=HEADERS),
}


def whole(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
@pytest.mark.parametrize("name", LARGE)
def test_what_is_not_kept_never_runs_twice(database: Database, site: Site, name: str, drf: bool) -> None:
    """REQ 22: the first answer goes out whole; each retry is told that the work is done and where the result is."""
    bare = whole(send(site(None, answering(LARGE[name]), drf=drf)))
    Effect.objects.all().delete()
    client = site(SMALL, answering(LARGE[name]), drf=drf)
    first = send(client)
    assert (first.status_code, whole(first), first.headers["X-Mine"]) == (201, bare, "1")
    for _ in range(2):
        retry = send(client)
        assert (retry.status_code, code(retry)) == (409, "response_unavailable")
        assert retry.headers["Location"] == "/effects/1"
        assert retry.headers["X-Should-Retry"] == "false"
        assert not {"Retry-After", "Set-Cookie", "X-Mine", REPLAYED} & set(retry.headers)
        assert "201" in retry.json()["detail"]
    assert effects() == records() == 1


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(("size", "kept"), [(0, True), (10, True), (11, False)])
def test_the_limit_is_the_policys(database: Database, site: Site, size: int, kept: bool) -> None:
    """REQ 22: a response of exactly the limit is kept."""
    client = site(SMALL, answering(lambda: HttpResponse(b"x" * size)))
    assert send(client).content == b"x" * size
    assert (send(client).headers.get(REPLAYED) == "true") is kept
    assert effects() == 1


@pytest.mark.databases("sqlite")
def test_a_policy_may_keep_no_body(database: Database, site: Site) -> None:
    """REQ 22: with a limit of 0 only empty responses are replayed."""
    client = site(OPEN.but(max_body_size=0), answering(lambda: HttpResponse(b"x")))
    send(client)
    assert code(send(client)) == "response_unavailable"
    client = site(OPEN.but(max_body_size=0), answering(lambda: HttpResponse(status=204)))
    send(client, key="other")
    assert send(client, key="other").headers[REPLAYED] == "true"


def test_a_large_response_is_kept_where_it_may_be(database: Database, site: Site) -> None:
    """REQ 3: a body of a million bytes of every kind comes back as it was, on each database."""
    body = bytes(range(256)) * 4096
    client = site(OPEN, answering(lambda: HttpResponse(body, content_type="application/octet-stream")))
    first, replay = send(client), send(client)
    assert first.content == replay.content == body
    assert replay.headers[REPLAYED] == "true"


@pytest.mark.databases("sqlite")
def test_another_body_is_refused_before_it_is_told(database: Database, site: Site) -> None:
    """REQ 6, 22: also without a stored body another request is a mismatch."""
    client = site(SMALL, answering(LARGE["too large"]))
    send(client, {"a": 1})
    assert code(send(client, {"a": 2})) == "idempotency_conflict"


def test_an_asynchronous_stream_runs_once(database: Database, settings: Settings) -> None:
    """REQ 22, 29: the same for a stream of an async view."""

    @idempotent(OPEN)
    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        await Effect.objects.acreate(label="x")
        return StreamingHttpResponse(letters(), headers=HEADERS)

    async def ask() -> tuple[bytes, HttpResponse]:
        client = AsyncClient()
        first = await client.post("/", headers={"Idempotency-Key": "k"})
        assert isinstance(first, StreamingHttpResponse)
        content = b"".join([part async for part in first])
        retry = await client.post("/", headers={"Idempotency-Key": "k"})
        assert isinstance(retry, HttpResponse)
        return content, retry

    settings.ROOT_URLCONF = (path("", stream),)
    content, retry = async_to_sync(ask)()
    assert content == b"abc"
    assert (code(retry), retry.headers["Location"]) == ("response_unavailable", "/effects/1")
    assert effects() == 1
