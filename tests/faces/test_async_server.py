"""REQ 29: asynchronous views in the process of a real ASGI server."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import Any

import httpx
import pytest

from tests.faces.async_views import CROWD
from tests.faces.parts import REPLAYED, effects
from tests.rig import Database
from tests.servers import NO_CERTIFICATES, PATIENCE, PAUSE, Server, Servers, http_client


@pytest.fixture
def server(database: Database, servers: Servers) -> Server:
    environ = {"DJANGO_SETTINGS_MODULE": "tests.faces.async_settings"}
    return servers.of(database, "tests.asgi:application", asgi=True, workers=1, environ=environ)


def headers(key: str = "k", **more: str) -> dict[str, str]:
    return {"Idempotency-Key": key, "X-Caller": "ann", **more}


def all_at_once(server: Server, path: str, keys: list[str]) -> list[httpx.Response]:
    async def send_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=server.url, timeout=PATIENCE, limits=limits, verify=NO_CERTIFICATES
        ) as client:
            return list(await asyncio.gather(*(client.post(path, headers=headers(key)) for key in keys)))

    return asyncio.run(send_all())


def test_twenty_at_once_run_once(database: Database, server: Server) -> None:
    """REQ 1: of twenty concurrent duplicates one runs; the others are told so, and find its answer later."""
    answers = all_at_once(server, "/pay/?pause", ["k"] * 20)
    assert effects() == effects(amount=1) == 1
    (first,) = [answer for answer in answers if answer.status_code == 201 and REPLAYED not in answer.headers]
    for answer in answers:
        if answer.status_code == 409:
            assert answer.headers["Retry-After"] == "1"
        else:
            assert (answer.status_code, answer.content) == (201, first.content)
    with http_client(server.url) as client:
        assert client.post("/pay/?pause", headers=headers()).content == first.content
    assert effects() == 1


def test_twenty_that_wait_get_one_answer(database: Database, server: Server) -> None:
    """REQ 11: with a policy that waits, all twenty get the answer of the one that ran."""
    answers = all_at_once(server, "/waiting/?pause", ["k"] * 20)
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert effects() == 1


@pytest.mark.databases("postgresql", "mariadb")
def test_different_keys_run_side_by_side(database: Database, server: Server) -> None:
    """Requests under different keys are in the view at the same time; none waits for another's key."""
    answers = all_at_once(server, "/meeting/", [f"key-{number}" for number in range(CROWD)])
    assert [answer.status_code for answer in answers] == [201] * CROWD
    assert effects() == CROWD


def test_replays_and_refusals(database: Database, server: Server) -> None:
    """REQ 3, 18: over a real connection too: the same bytes again, and another body refused."""
    with http_client(server.url, headers=headers()) as client:
        first, retry = (client.post("/pay/", json={"a": 1}) for _ in range(2))
        other = client.post("/pay/", json={"a": 2})
    assert (retry.status_code, retry.content) == (first.status_code, first.content)
    assert retry.headers[REPLAYED] == "true"
    assert (other.status_code, other.headers["X-Should-Retry"]) == (422, "false")
    assert effects() == 1


def multipart(text: bytes) -> bytes:
    return b'--edge\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + text + b"\r\n--edge--\r\n"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("content_type", "write"),
    [
        ("text/plain", bytes),
        ("application/octet-stream", bytes),
        ("application/json", lambda text: b'"' + text + b'"'),
        ("application/x-www-form-urlencoded", lambda text: b"text=" + text.replace(b" ", b"+")),
        ("multipart/form-data; boundary=edge", multipart),
    ],
    ids=["text", "bytes", "json", "form", "multipart"],
)
def test_a_body_in_chunks_is_part_of_the_request(
    database: Database, server: Server, method: str, content_type: str, write: Any
) -> None:
    """REQ 7: a body without a length counts like any other: "pay 999" is not answered by "pay 1"."""

    def pay(text: bytes, cut: int) -> httpx.Response:
        body, typed = write(text), headers(**{"Content-Type": content_type})
        parts = iter([body[:cut], body[cut:]])
        with http_client(server.url) as client:
            return client.request(method, "/pay/", content=parts, headers=typed)

    first = pay(b"pay 1", 3)
    assert (first.status_code, first.json()["size"]) == (201, len(write(b"pay 1")))
    assert pay(b"pay 999", 3).status_code == 422
    retry = pay(b"pay 1", 4)
    assert (retry.content, retry.headers[REPLAYED]) == (first.content, "true")
    assert effects() == 1


def test_a_client_that_leaves_in_the_middle(database: Database, server: Server) -> None:
    """REQ 8: a client hangs up while its request runs: all is undone, the key is free, its retry runs once."""
    with http_client(server.url) as client:
        leave(server, client, "/endless/")

        def retry() -> bool:
            answer: Any = client.post("/endless/", headers=headers())
            assert answer.status_code in (201, 409)
            return bool(answer.status_code == 201 and REPLAYED not in answer.headers)

        until(retry)
    assert effects() == 1


def test_a_client_that_leaves_in_the_middle_of_a_leased_view(database: Database, server: Server) -> None:
    """REQ 8: in mode leased nobody knows what such a view had done outside: unknown, at once, and never run again."""
    with http_client(server.url) as client:
        leave(server, client, "/endless-leased/")
        until(lambda: client.post("/endless-leased/", headers=headers()).json()["code"] == "outcome_unknown")
    assert effects() == 0


def leave(server: Server, client: httpx.Client, path: str) -> None:
    """Send a request, wait until its handler is under way, and hang up."""
    lines = [f"{name}: {value}" for name, value in headers(**{"X-Wait": "1"}).items()]
    request = "\r\n".join([f"POST {path} HTTP/1.1", "Host: localhost", "Content-Length: 0", *lines, "", ""])
    before = len(client.get("/arrivals/").json())
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0)) as connection:
        connection.sendall(request.encode())
        until(lambda: len(client.get("/arrivals/").json()) > before)
        assert effects() == 0


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(PAUSE)
