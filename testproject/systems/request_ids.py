"""``X-Request-Id`` on every response."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from testproject.systems.identifiers import new_id

HEADER = "X-Request-Id"


class RequestIdMiddleware:
    """
    Give each request an id, and each response the id of the request that made it.

    For a replay under a policy that replays the header, that is the original's request, so a header that is
    already there stays.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.request_id = new_id("req")  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault(HEADER, request_id_of(request))
        return response


def request_id_of(request: object) -> str:
    """Tell the id of a request, Django's or DRF's."""
    return str(getattr(request, "request_id", ""))
