"""What of DRF's content negotiation is stored and replayed."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import path
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import AdminRenderer, BrowsableAPIRenderer, JSONRenderer, StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.versioning import AcceptHeaderVersioning

from django_idempotency import IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

BROWSER = {"Accept": "text/html"}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]


class Browsable(IdempotencyMixin, TokenView):
    authentication_classes = (*TokenView.authentication_classes, SessionAuthentication)
    renderer_classes: Any = (JSONRenderer, BrowsableAPIRenderer)
    idempotency_policy = IdempotencyPolicy(methods=("POST", "DELETE"), stored_errors=frozenset({404}))

    def post(self, request: Request) -> Response:
        return record(request)

    def delete(self, request: Request) -> Response:
        record(request)
        return Response(status=204)


class Admin(Browsable):
    renderer_classes = (JSONRenderer, AdminRenderer)

    def post(self, request: Request) -> Response:
        response = record(request)
        response["Location"] = "/somewhere/"
        return response


class Pages(Browsable):
    renderer_classes = (BrowsableAPIRenderer,)


class Negotiated(IdempotencyMixin, TokenView):
    renderer_classes = (JSONRenderer, StaticHTMLRenderer)

    def post(self, request: Request) -> Response:
        response = record(request)
        html = isinstance(request.accepted_renderer, StaticHTMLRenderer)
        return Response("<p>done</p>", status=201) if html else response


class Versioned(IdempotencyMixin, TokenView):
    class versioning_class(AcceptHeaderVersioning):  # noqa: N801 - the name is DRF's
        allowed_versions = ("1", "2")

    def post(self, request: Request) -> Response:
        record(request)
        return Response({"version": request.version}, status=201)


urlpatterns = [
    path("browsable/", Browsable.as_view(), name="browsable"),
    path("admin/", Admin.as_view(), name="admin"),
    path("pages/", Pages.as_view(), name="pages"),
    path("negotiated/", Negotiated.as_view(), name="negotiated"),
    path("versioned/", Versioned.as_view(), name="versioned"),
]


@pytest.fixture(autouse=True)
def _templates(settings: Any) -> None:
    settings.TEMPLATES = TEMPLATES


def test_a_browsable_page_is_not_stored(database: Database) -> None:
    """REQ 3: whoever used the browsable API first, a retry is the data, not a page with somebody's CSRF token."""
    caller = client()
    page = send(caller, "/browsable/", headers=BROWSER)
    assert page.status_code == 201
    assert page.headers["Content-Type"].startswith("text/html")
    for headers in ({}, BROWSER):
        retry = send(caller, "/browsable/", headers=headers)
        assert (retry.status_code, retry.headers["Content-Type"]) == (201, "application/json")
        assert retry.json()["label"] == "x"
        assert retry.headers[REPLAYED] == "true"
    assert effects() == 1


def test_the_csrf_token_of_a_page_is_not_stored(database: Database) -> None:
    """REQ 16: the browsable page of a session holds a CSRF token; its replay does not."""
    caller = APIClient()
    caller.force_login(user("ann"))
    page = send(caller, "/browsable/", headers=BROWSER)
    assert "csrfToken" in page.content.decode()
    assert "csrf" not in send(caller, "/browsable/").content.decode().lower()


def test_a_browser_gets_the_data_of_another_client(database: Database) -> None:
    """REQ 3: the stored representation wins over what the retry accepts."""
    caller = client()
    first = send(caller, "/browsable/")
    assert same(first, send(caller, "/browsable/", headers=BROWSER))


def test_a_page_where_there_is_nothing_else(database: Database) -> None:
    """A view that renders nothing but pages replays its page."""
    caller = client()
    first, retry = (send(caller, "/pages/", headers=BROWSER) for _ in range(2))
    assert first.headers["Content-Type"].startswith("text/html")
    assert same(first, retry)


@pytest.mark.parametrize(
    ("url", "method", "status"), [("/browsable/", "delete", 204), ("/admin/", "post", 201)]
)
def test_the_status_that_a_page_changes_is_not_stored(
    database: Database, url: str, method: str, status: int
) -> None:
    """REQ 3: pages turn a 204 into a 200 and a 201 into a redirect; a client that retries gets the view's own."""
    caller = client()
    page = send(caller, url, method=method, headers=BROWSER)
    assert page.status_code != status
    retry = send(caller, url, method=method)
    assert retry.status_code == status
    assert retry.headers[REPLAYED] == "true"
    assert effects() == 1


@pytest.mark.parametrize(
    ("first", "then"), [("application/json", "text/html"), ("text/html", "application/json")]
)
def test_another_accept_on_the_retry(database: Database, first: str, then: str) -> None:
    """REQ 7: `Accept` is no part of the request's identity, and the first representation is replayed."""
    caller = client()
    answer = send(caller, "/negotiated/", headers={"Accept": first})
    assert answer.headers["Content-Type"].startswith(first)
    assert same(answer, send(caller, "/negotiated/", headers={"Accept": then}))
    assert effects() == 1


def test_what_cannot_be_accepted_is_406_before_anything_is_stored(database: Database) -> None:
    """A 406 runs nothing, replays nothing and leaves the key free."""
    caller = client()
    for _ in range(2):
        answer = send(caller, "/negotiated/", headers={"Accept": "image/png"})
        assert answer.status_code == 406
    assert effects() == 0
    assert send(caller, "/negotiated/").status_code == 201
    assert send(caller, "/negotiated/", headers={"Accept": "image/png"}).status_code == 406


def test_a_version_in_the_accept_header_is_part_of_the_request(database: Database) -> None:
    """REQ 6: the version travels in a header here; the answer of version 1 never stands for version 2."""
    caller = client()
    accept = [{"Accept": f"application/json; version={version}"} for version in (1, 2)]
    first = send(caller, "/versioned/", headers=accept[0])
    assert first.json() == {"version": "1"}
    assert send(caller, "/versioned/", headers=accept[1]).status_code == 422
    assert same(first, send(caller, "/versioned/", headers=accept[0]))
    assert effects() == 1
