"""Error pages and error mails show the variables of each frame: none of the package's holds a secret."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.debug import ExceptionReporter
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.guarantee.test_store import renamed
from tests.rig import Database
from tests.sealing.desk import FIRST, KEY, LEASED, POLICY, SECRET, encrypting, pay, post

pytestmark = pytest.mark.urls(__name__)


def fail(*args: Any) -> Any:
    raise RuntimeError("out of order")


def careless(request: HttpRequest) -> HttpResponse:
    card = json.loads(request.body)["card"]
    return HttpResponse(fail() or card)


def late(request: HttpRequest) -> HttpResponse:
    return LateResponse(request.method)


class LateResponse(HttpResponse):
    def render(self) -> None:
        fail()


class Mixed(IdempotencyMixin, APIView):
    idempotency_policy = POLICY

    def post(self, request: Request) -> Response:
        assert request.data
        return Response(fail())


def guarded(view: Any = pay, policy: Any = POLICY, **hooks: Any) -> Any:
    return idempotent(policy, **hooks)(view)


urlpatterns = [
    path("careless/", guarded(careless)),
    path("handler/", guarded(fail)),
    path("handler-leased/", guarded(fail, LEASED)),
    path("mixin/", Mixed.as_view()),
    path("late/", guarded(late)),
    path("scope/", guarded(policy=POLICY.but(scope=fail))),
    path("before-replay/", guarded(before_replay=fail)),
    path("before-replay-leased/", guarded(policy=LEASED, before_replay=fail)),
    path("redact/", guarded(redact=fail)),
    path("redact-leased/", guarded(policy=LEASED, redact=fail)),
    path("renderer/", guarded(policy=POLICY.but(renderer=fail))),
    path("short/", guarded(policy=POLICY.but(renderer=fail, max_length=5))),
    path("pay/", guarded()),
    path("pay-leased/", guarded(policy=LEASED)),
]


class Pages:
    """What Django would show, or send to the admins, of each exception."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def take(self, request: HttpRequest | None = None, **kwargs: Any) -> None:
        kind, error, trace = sys.exc_info()
        reporter = ExceptionReporter(request, kind, error, trace, is_email=True)
        self.texts += [reporter.get_traceback_html(), reporter.get_traceback_text()]

    def clear_of(self, *secrets: str) -> bool:
        assert self.texts
        assert all("django_idempotency" in text for text in self.texts), "its frames are on the page"
        return not any(secret in text for text in self.texts for secret in secrets)


@pytest.fixture(params=[True, False], ids=["debug", "production"])
def pages(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Pages]:
    settings.DEBUG = request.param
    pages = Pages()
    got_request_exception.connect(pages.take)
    yield pages
    got_request_exception.disconnect(pages.take)


@pytest.mark.databases("sqlite")
def test_pages_show_variables(database: Database, settings: Settings, pages: Pages) -> None:
    """The check can fail: what a handler of the project's own keeps in a variable is on the page."""
    post("/careless/")
    assert not pages.clear_of(SECRET)


@pytest.mark.parametrize("url", ["/handler/", "/handler-leased/", "/mixin/", "/late/", "/scope/"])
@pytest.mark.databases("sqlite")
def test_what_the_project_raises(database: Database, settings: Settings, pages: Pages, url: str) -> None:
    """REQ 23: an exception of a handler or a scope function shows no key, no body and no answer."""
    encrypting(settings, FIRST)
    answer = post(url)
    assert answer.status_code == 500
    assert pages.clear_of(SECRET, FIRST)
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("url", ["/redact/", "/redact-leased/"])
@pytest.mark.databases("sqlite")
def test_what_a_redaction_raises(database: Database, settings: Settings, pages: Pages, url: str) -> None:
    """REQ 23: it holds the body itself, as a page for developers shows; no mail from production does."""
    assert post(url).status_code == 500
    assert pages.clear_of(SECRET) is not settings.DEBUG


@pytest.mark.parametrize("url", ["/before-replay/", "/before-replay-leased/"])
@pytest.mark.parametrize("keys", [[], [FIRST]], ids=["plain", "encrypted"])
@pytest.mark.databases("sqlite")
def test_what_the_projects_hook_raises(
    database: Database, settings: Settings, pages: Pages, url: str, keys: list[str]
) -> None:
    """REQ 23: an exception on the way to a replay shows no stored body and no stored header."""
    encrypting(settings, *keys)
    assert post(url).status_code == 201
    assert post(url).status_code == 500
    assert pages.clear_of(SECRET, FIRST)


@pytest.mark.databases("sqlite")
def test_what_a_renderer_raises(database: Database, settings: Settings, pages: Pages) -> None:
    """REQ 23: a renderer that fails over a refusal does not show what was refused."""
    assert post("/short/").status_code == 500
    assert post("/renderer/").status_code == 201
    assert post("/renderer/", card=f"another-{SECRET}").status_code == 500
    assert pages.clear_of(SECRET)


@pytest.mark.parametrize("column", ["created_at", "completed_at", "fingerprint"])
@pytest.mark.parametrize("url", ["/pay/", "/pay-leased/"])
def test_what_the_database_raises(
    database: Database, settings: Settings, pages: Pages, url: str, column: str
) -> None:
    """REQ 23: an error of the package's own statements does not show what they were given."""
    with renamed("idempotency_record", column):
        assert post(url).status_code == 500
    assert all(column in text for text in pages.texts), "what is wrong is told"
    assert pages.clear_of(SECRET)


@pytest.mark.parametrize(
    "value",
    [
        {"ENCRYPTION_KEYS": [FIRST, FIRST[:-2]]},
        {"ENCRYPTION_KEYS": FIRST},
        {"ENCRYPTION_KEYS": [FIRST], "UNKNOWN": 1},
        {"ENCRYPTION_KEYS": [FIRST], 5: {}},
    ],
    ids=["bad", "no list", "unknown name", "no name"],
)
@pytest.mark.databases("sqlite")
def test_settings_that_are_wrong(database: Database, settings: Settings, pages: Pages, value: Any) -> None:
    """REQ 23: what is said of a bad setting, and the page around it, show no key."""
    settings.IDEMPOTENCY = value
    answer = post("/pay/", KEY)
    assert answer.status_code == 500
    assert pages.clear_of(SECRET, FIRST, FIRST[:-2])
    assert FIRST[:-2] not in answer.content.decode()
