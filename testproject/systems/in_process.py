"""Requests that come over no network: of another protocol, which is served by the same views."""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from django.core.wsgi import get_wsgi_application
from django.db import connections


class Answer(NamedTuple):
    """What an HTTP client would have been given."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """
    POST JSON, and wait for the answer. It passes all that a request passes: middleware, routes, the guard.

    Args:
        path: As the routes see it, with nothing in it quoted.
        headers: By their names in HTTP; the text is what their bytes are in Latin-1.
    """
    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ = {
        **given,
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        # WSGI has bytes in texts.
        "PATH_INFO": path.encode(errors="replace").decode("latin-1"),
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        # Stands in ALLOWED_HOSTS, or DEBUG is on.
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(body),
    }
    try:
        response = get_wsgi_application()(environ, unheard)
        try:
            return Answer(response.status_code, response.headers, b"".join(response))
        finally:
            response.close()
    finally:
        # A thread that is not a web server's may not come back to them.
        connections.close_all()


def unheard(
    status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
) -> Callable[[bytes], object]:
    """Be told what Django's handler returns as well: the response is one object."""
    return bytes
