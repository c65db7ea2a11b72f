"""The settings dict: what it may hold, and that it holds at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from pytest_django.fixtures import Settings
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, Problem
from django_idempotency.conf import settings as in_force
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, REPLAYED, Site, code, effects, insert, records, send

ROOT = Path(__file__).resolve().parents[2]
SCOPE = "django_idempotency.scopes.everyone"
REQUIRED = IdempotencyPolicy(required=True)


class ByMixin(IdempotencyMixin, APIView):
    def post(self, request: Request) -> Response:
        return Response({"id": Effect.objects.create(label="x").pk}, status=201)


urlpatterns = [path("decorator", idempotent(insert)), path("mixin", ByMixin.as_view())]


def plain(problem: Problem, request: HttpRequest) -> HttpResponse:
    return HttpResponse(problem.code, status=problem.status)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("face", ["/decorator", "/mixin"])
@pytest.mark.databases("sqlite")
def test_settings_hold_at_once(database: Database, site: Site, settings: Settings, face: str) -> None:
    """A change of IDEMPOTENCY in a test holds from the next request on, and ends with the test's block."""
    client = site()
    settings.ROOT_URLCONF = __name__
    assert code(send(client, path=face)) == "idempotency_scope_required"
    with override_settings(IDEMPOTENCY={"SCOPE": SCOPE}):
        assert send(client, path=face).status_code == 201
        with override_settings(IDEMPOTENCY={"SCOPE": everyone, "POLICY": REQUIRED, "RENDERER": plain}):
            assert send(client, path=face).headers[REPLAYED] == "true"
            assert send(client, path=face, key=None).content == b"idempotency_key_required"
        with override_settings(
            IDEMPOTENCY={"POLICY": f"{__name__}.REQUIRED", "RENDERER": f"{__name__}.plain"}
        ):
            assert send(client, path=face, key=None).content == b"idempotency_key_required"
        assert send(client, path=face, key=None).status_code == 201
    assert code(send(client, path=face)) == "idempotency_scope_required"
    assert (effects(), records()) == (2, 1)


@pytest.mark.databases("sqlite")
def test_a_dotted_path_is_looked_up_anew(
    database: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test that replaces what a dotted path names, and sets the settings again, gets the replacement."""
    client, told = site(), []
    for text in ("one", "two"):
        monkeypatch.setattr(f"{__name__}.plain", lambda problem, request, text=text: HttpResponse(text))
        with override_settings(IDEMPOTENCY={"RENDERER": f"{__name__}.plain"}):
            told.append(send(client, key='"').content)
    assert told == [b"one", b"two"]


@pytest.mark.databases("sqlite")
def test_a_policys_scope_comes_before_the_projects(
    database: Database, site: Site, settings: Settings
) -> None:
    """What a policy says holds, whatever the project says; a dotted path will do."""
    settings.IDEMPOTENCY = {"SCOPE": lambda request: None}
    assert send(site(OPEN.but(scope=SCOPE))).status_code == 201
    assert code(send(site(OPEN.but(scope=None)))) == "idempotency_scope_required"


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
def test_switched_off_everything_runs_bare(
    database: Database, site: Site, settings: Settings, drf: bool
) -> None:
    """With ENABLED False each request runs, keys are not even looked at, and records stay as they are."""
    client = site(OPEN.but(required=True), drf=drf)
    first = send(client)
    settings.IDEMPOTENCY = {"ENABLED": False}
    for key in ("k", None, '"', "k" * 999):
        answer = send(client, key=key)
        assert (answer.status_code, REPLAYED in answer.headers) == (201, False)
        assert "Idempotency-Key-Expires-In" not in answer.headers
    assert (effects(), records()) == (5, 1)
    settings.IDEMPOTENCY = {"ENABLED": True}
    assert send(client).content == first.content


@pytest.mark.parametrize("value", [{"SCOPES": SCOPE}, {1: 2}, []])
def test_wrong_settings_are_said_by_name(value: Any) -> None:
    """A name that does not exist is told with those that do, not passed over."""
    with override_settings(IDEMPOTENCY=value), pytest.raises(ImproperlyConfigured, match="IDEMPOTENCY"):
        in_force()


@pytest.mark.parametrize(
    "module",
    [
        "django_idempotency",
        "django_idempotency.policy",
        "django_idempotency.presets",
        "django_idempotency.scopes",
    ],
)
def test_policies_may_be_written_before_settings(module: str) -> None:
    """Policies can stand in the settings file itself: importing them needs no settings and nothing but Django."""
    program = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("rest_framework", "celery", "httpx", "psycopg", "cryptography", "pymysql"):
            raise ImportError(name)

sys.meta_path.insert(0, Refuse())
import {module}
from django.conf import settings
from django_idempotency import *
assert not settings.configured
assert IdempotencyPolicy(required=True).but(keys=(Header("X"), BodyField("y"))) and IETF and STRIPE
settings.configure(IDEMPOTENCY={{"POLICY": IETF}})
assert not any(name.partition(".")[0] == "rest_framework" for name in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
