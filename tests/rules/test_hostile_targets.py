"""Hostile paths and queries, and headers as real servers pass them on."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django.fixtures import Settings

from django_idempotency.decorators import idempotent
from tests.rig import Database
from tests.rules.parts import OPEN, REPLAYED, effects, insert, records
from tests.servers import serve

urlpatterns = [
    path("bare/<path:rest>", csrf_exempt(insert)),
    path("guarded/<path:rest>", csrf_exempt(idempotent(OPEN)(insert)), name="guarded"),
]

TARGETS = [
    "x?a=%FF&b=%ff",
    "x?%00=%00&\x7f",
    "x?" + "a" * 5000,
    "x?" + "&".join(f"a{n}=1" for n in range(3000)),
    "x?a=%ED%A0%80",
    "x?\xff\xfe=\xe9",
    "x?" + "&" * 1000 + "=" * 1000,
    "x?a=b;c=d",
    "%FF%FE",
    "%00",
    "%ED%A0%80/%C0%AF",
    "caf%E9",
    "x" * 3000,
    "../../etc/passwd",
    "%2e%2e/%2F",
    "a%20b;X-Header:%201",
    "%F0%9F%98%80",
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("target", TARGETS, ids=range(len(TARGETS)))
def test_a_hostile_target_is_one_like_any_other(database: Database, target: str) -> None:
    """REQ 6: a path or query that is no UTF-8, holds NUL or is very long is served and replayed like any other."""
    client = Client(raise_request_exception=False)
    where, _, query = target.partition("?")

    def ask(twin: str) -> Any:
        return client.post(f"/{twin}/{where}", QUERY_STRING=query, headers={"Idempotency-Key": "k"})

    assert ask("bare").status_code == 201
    first, retry = ask("guarded"), ask("guarded")
    assert (first.status_code, retry.status_code, retry.headers.get(REPLAYED)) == (201, 201, "true")
    assert retry.content == first.content
    assert effects() == 2


@contextmanager
def runserver(database: Database) -> Iterator[str]:
    """Django's own server, as `runserver` starts it, in threads of this process."""

    class Handler(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Keep the output clean."""

    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def gunicorn(database: Database) -> Iterator[str]:
    with serve(database, "tests.rules.wsgi:application", workers=1) as server:
        yield server.url


@contextmanager
def uvicorn(database: Database) -> Iterator[str]:
    with serve(database, "tests.rules.asgi:application", asgi=True, workers=1) as server:
        yield server.url


def ask(url: str, *lines: bytes, body: bytes = b"", cut: bool = False) -> int:
    """Send a request byte by byte, as no client library would; return the status, 0 for no answer."""
    host, port = str(urlsplit(url).hostname), int(urlsplit(url).port or 0)
    head = [b"POST /guarded/x HTTP/1.1", b"Host: localhost", b"Connection: close", *lines]
    if not any(line.lower().startswith(b"content-length") for line in lines):
        head.append(b"Content-Length: %d" % len(body))
    with socket.create_connection((host, port), timeout=30) as line:
        line.sendall(b"\r\n".join([*head, b"", body]))
        if cut:
            line.shutdown(socket.SHUT_WR)
        with line.makefile("rb") as file:
            answer = file.read()
    status = re.match(rb"HTTP/1\.[01] (\d+)", answer)
    return int(status[1]) if status else 0


REFUSED: dict[str, tuple[bytes, ...]] = {
    "two lines": (b"Idempotency-Key: a", b"Idempotency-Key: b"),
    "two equal lines": (b"Idempotency-Key: a", b"idempotency-key: a"),
    "a comma": (b"Idempotency-Key: a,b",),
    "empty": (b"Idempotency-Key:",),
    "blank": (b"Idempotency-Key:    ",),
    "nothing in quotes": (b'Idempotency-Key: ""',),
    "UTF-8": ("Idempotency-Key: ключ".encode(),),
    "Latin-1": (b"Idempotency-Key: caf\xe9",),
    "NUL": (b"Idempotency-Key: a\0b",),
    "a control byte": (b"Idempotency-Key: a\x01b",),
    "a tab": (b"Idempotency-Key: a\tb",),
    "too long": (b"Idempotency-Key: " + b"k" * 256,),
}


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("server", [runserver, gunicorn, uvicorn])
def test_real_servers_pass_no_malformed_key(
    database: Database, settings: Settings, server: Callable[[Database], Any]
) -> None:
    """REQ 9: malformed keys, and two lines of one header, are 400 behind each server; nothing runs."""
    settings.ROOT_URLCONF = __name__
    with server(database) as url:
        statuses = {name: ask(url, *lines) for name, lines in REFUSED.items()}
        assert statuses == dict.fromkeys(REFUSED, 400)
        assert (effects(), records()) == (0, 0)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("server", [runserver, gunicorn, uvicorn])
def test_real_servers_drop_the_underscore_form(
    database: Database, settings: Settings, server: Callable[[Database], Any]
) -> None:
    """REQ 9: `Idempotency_Key` is no key and cannot pass for one: each server drops the header."""
    settings.ROOT_URLCONF = __name__
    with ExitStack() as stack:
        url = stack.enter_context(server(database))
        assert [ask(url, b"Idempotency_Key: a") for _ in range(2)] == [201, 201]
        assert (effects(), records()) == (2, 0)
        # Beside the real header it changes nothing.
        both = (b"Idempotency_Key: a", b"Idempotency-Key: b")
        assert [ask(url, *both) for _ in range(2)] == [201, 201]
        assert (effects(), records()) == (3, 1)
        stack.callback(connections.close_all)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("server", [runserver, gunicorn, uvicorn])
def test_a_body_that_is_cut_off_does_no_harm(
    database: Database, settings: Settings, server: Callable[[Database], Any]
) -> None:
    """REQ 9: a client that dies in the middle of its body and sends all of it anew gets one effect for one answer."""
    settings.ROOT_URLCONF = __name__
    body = b'{"amount": 100}'
    with server(database) as url:
        lines = (b"Idempotency-Key: a", b"Content-Type: application/json", b"Content-Length: %d" % len(body))
        ask(url, *lines, body=body[:7], cut=True)
        answers = [ask(url, *lines, body=body) for _ in range(2)]
        # Where the server handed the torso on, it was another request under the same key.
        assert answers in ([201, 201], [422, 422])
        assert effects() == 1
