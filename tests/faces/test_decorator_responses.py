"""What plain Django views answer with, and raise, under `@idempotent`."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template import engines
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.test import Client
from django.urls import path

from django_idempotency import IETF, IdempotencyPolicy
from django_idempotency.decorators import idempotent
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, effects, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

STORING = IdempotencyPolicy(stored_errors=IETF.stored_errors)
ERRORS: dict[str, Exception] = {
    "404": Http404("no such thing"),
    "400": BadRequest("not like this"),
    "403": PermissionDenied(),
    "suspicious": SuspiciousOperation(),
    "500": ValueError("a bug"),
}
STATUSES = {"404": 404, "400": 400, "403": 403, "suspicious": 400, "500": 500}


def template(text: str) -> Any:
    return engines["django"].from_string(text)


@idempotent
def page(request: HttpRequest) -> TemplateResponse:
    """Create its effect only as it is rendered, as a lazy query would."""
    context = {"made": lambda: Effect.objects.create(label="rendered").label}
    return TemplateResponse(request, template("<p>{{ made }}</p>"), context, status=201)


@idempotent
def broken_page(request: HttpRequest) -> SimpleTemplateResponse:
    Effect.objects.create(label="undone")
    return SimpleTemplateResponse(template("{{ fail }}"), {"fail": lambda: 1 / 0})


@idempotent
def moved(request: HttpRequest) -> HttpResponse:
    Effect.objects.create(label="x")
    response = redirect("/elsewhere/")
    response.set_cookie("flash", "saved")
    response["X-Own"] = "kept on the first"
    return response


@idempotent
def nothing(request: HttpRequest) -> HttpResponse:
    Effect.objects.create(label="x")
    return HttpResponse(status=204)


def raising(policy: IdempotencyPolicy | None) -> Any:
    @idempotent(policy)
    def view(request: HttpRequest, kind: str) -> HttpResponse:
        Effect.objects.create(label="undone")
        raise ERRORS[kind]

    return view


def returning(policy: IdempotencyPolicy | None) -> Any:
    @idempotent(policy)
    def view(request: HttpRequest, status: int) -> HttpResponse:
        Effect.objects.create(label="undone")
        return JsonResponse({"status": status}, status=status)

    return view


@idempotent(STORING)
def missing_later(request: HttpRequest) -> HttpResponse:
    get_object_or_404(Effect, label="there")
    return HttpResponse("found")


urlpatterns = [
    path("page/", page, name="page"),
    path("broken-page/", broken_page, name="broken-page"),
    path("moved/", moved, name="moved"),
    path("nothing/", nothing, name="nothing"),
    path("raising/<str:kind>/", raising(None), name="raising"),
    path("storing/<str:kind>/", raising(STORING), name="storing"),
    path("returning/<int:status>/", returning(None), name="returning"),
    path("keeping/<int:status>/", returning(STORING), name="keeping"),
    path("missing-later/", missing_later, name="missing-later"),
]


@pytest.fixture(autouse=True)
def _templates(settings: Any) -> None:
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]


@pytest.fixture
def caller(database: Database) -> Client:
    made = Client(raise_request_exception=False)
    made.force_login(user("ann"))
    return made


def test_a_template_response_is_rendered_in_the_transaction(caller: Client) -> None:
    """REQ 2, 3: what renders late is rendered before COMMIT, its bytes are stored, its queries run once."""
    first, retry = (send(caller, "/page/") for _ in range(2))
    assert (first.status_code, first.content) == (201, b"<p>rendered</p>")
    assert same(first, retry)
    assert effects() == 1


def test_a_template_that_fails_undoes_the_work(caller: Client) -> None:
    """REQ 2: an error while rendering is the view's: nothing is stored, nothing stays."""
    for _ in range(2):
        answer = send(caller, "/broken-page/")
        assert answer.status_code == 500
        assert REPLAYED not in answer.headers
    assert effects() == 0


def test_a_redirect(caller: Client) -> None:
    """REQ 16: a redirect is replayed with its Location, without cookies and headers that nobody listed."""
    first, retry = (send(caller, "/moved/") for _ in range(2))
    assert isinstance(first, HttpResponseRedirect)
    assert first.headers["X-Own"]
    assert first.cookies["flash"].value == "saved"
    assert same(first, retry)
    assert (retry.status_code, retry.headers["Location"]) == (302, "/elsewhere/")
    assert "X-Own" not in retry.headers
    assert "flash" not in retry.cookies
    assert effects() == 1


def test_no_content(caller: Client) -> None:
    """REQ 3: a 204 is replayed as a 204, and does not run again."""
    first, retry = (send(caller, "/nothing/") for _ in range(2))
    assert (retry.status_code, retry.content) == (204, b"")
    assert same(first, retry)
    assert effects() == 1


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize(("url", "stored"), [("/raising/", ()), ("/storing/", ("404", "400"))])
def test_what_a_view_raises(caller: Client, url: str, kind: str, stored: tuple[str, ...]) -> None:
    """REQ 8, 10: any exception is answered as Django answers it, and undone; stored only as the policy says."""
    first, retry = (send(caller, f"{url}{kind}/") for _ in range(2))
    assert first.status_code == retry.status_code == STATUSES[kind]
    assert same(first, retry) is (kind in stored)
    assert effects() == 0
    corrected = send(caller, f"{url}{kind}/", {"label": "corrected"})
    assert corrected.status_code == (422 if kind in stored else STATUSES[kind])


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 408, 409, 410, 412, 422, 423, 425, 428, 429, 500, 503]
)
@pytest.mark.parametrize("url", ["/returning/", "/keeping/"])
def test_what_a_view_returns(caller: Client, url: str, status: int) -> None:
    """REQ 10: an error that is returned, not raised, is undone as well, and stored only as the policy says."""
    first, retry = (send(caller, f"{url}{status}/") for _ in range(2))
    assert first.status_code == retry.status_code == status
    assert first.content == retry.content
    assert same(first, retry) is (url == "/keeping/" and status in STORING.stored_errors)
    assert effects() == 0


def test_a_stored_404_stays(caller: Client) -> None:
    """REQ 10: a 404 that is stored is the key's answer, also when the thing is there by then."""
    first = send(caller, "/missing-later/")
    Effect.objects.create(label="there")
    assert same(first, send(caller, "/missing-later/"))
    assert send(caller, "/missing-later/", key="new").status_code == 200
