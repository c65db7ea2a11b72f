"""What `manage.py check` says, by its ids."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, Problem
from django_idempotency.decorators import idempotent
from django_idempotency.scopes import everyone
from tests.rig import Database

SCOPE = "django_idempotency.scopes.everyone"
REQUIRED = IdempotencyPolicy(required=True)
NOT_CALLABLE = 1


def plain(problem: Problem, request: HttpRequest) -> HttpResponse:
    return HttpResponse(problem.code, status=problem.status)


def ids(databases: tuple[str, ...] = ("default",), **changes: Any) -> list[str | None]:
    """The ids of what `manage.py check` says under these settings."""
    with override_settings(**changes):
        return [
            found.id
            for found in run_checks(databases=databases)
            if str(found.id).startswith("django_idempotency")
        ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, []),
        ({"SCOPE": SCOPE, "ENABLED": True}, []),
        ({"SCOPE": everyone, "POLICY": REQUIRED, "RENDERER": plain}, []),
        ({"POLICY": "django_idempotency.IETF"}, []),
        ([("ENABLED", True)], ["E001"]),
        (None, ["E001"]),
        ({"SCOPES": SCOPE}, ["E001"]),
        ({"enabled": True}, ["E001"]),
        ({1: 2, "X": 3}, ["E001"]),
        ({"SCOPE": "django_idempotency.scopes.nobody"}, ["E002"]),
        ({"SCOPE": "no.such.module"}, ["E002"]),
        ({"SCOPE": "nodots"}, ["E002"]),
        ({"SCOPE": ""}, ["E002"]),
        ({"SCOPE": None}, ["E002"]),
        ({"SCOPE": f"{__name__}.NOT_CALLABLE"}, ["E002"]),
        ({"RENDERER": 1}, ["E002"]),
        ({"POLICY": "django_idempotency.IdempotencyPolicy"}, ["E002"]),
        ({"POLICY": {"required": True}}, ["E002"]),
        ({"SCOPE": "x.y", "RENDERER": "x.y", "POLICY": "x.y"}, ["E002", "E002", "E002"]),
        ({"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}, []),
        ({"ENCRYPTION_KEYS": (Fernet.generate_key(), Fernet.generate_key().decode())}, []),
        ({"ENCRYPTION_KEYS": Fernet.generate_key().decode()}, ["E004"]),
        ({"ENCRYPTION_KEYS": [Fernet.generate_key().decode(), "short"]}, ["E004"]),
        ({"ENCRYPTION_KEYS": ["é"]}, ["E004"]),
        ({"ENCRYPTION_KEYS": [None]}, ["E004"]),
        ({"ENCRYPTION_KEYS": None}, []),
        ({"ENABLED": "no"}, ["E002"]),
        ({"ENABLED": 0}, ["E002"]),
        ({"ENABLED": False}, ["W001"]),
        ({"REQUEST_TIMEOUT": "30"}, ["E002"]),
        ({"REQUEST_TIMEOUT": 45}, []),
        ({"TOMBSTONE_LIFETIME": 30}, ["E002"]),
        ({"COUNTS": "no"}, ["E002"]),
        ({"COUNTS": None, "EXEMPT": ["admin:*"]}, []),
        ({"EXEMPT": "admin:*"}, ["E002"]),
    ],
    ids=range(35),
)
@pytest.mark.databases("sqlite")
def test_settings_are_checked(database: Database, value: Any, expected: list[str]) -> None:
    """Every mistake in IDEMPOTENCY is told by `manage.py check`, by a stable id."""
    assert ids(IDEMPOTENCY=value) == [f"django_idempotency.{number}" for number in expected]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"ATOMIC_REQUESTS": True}, []),
        ({"ATOMIC_REQUESTS": True, "OPTIONS": {"transaction_mode": None}}, ["W002"]),
        ({"ATOMIC_REQUESTS": True, "OPTIONS": {"transaction_mode": "deferred"}}, ["W002"]),
        ({"OPTIONS": {"transaction_mode": None}}, []),
    ],
)
@pytest.mark.databases("sqlite")
def test_sqlite_is_checked(database: Database, settings: dict[str, Any], expected: list[str]) -> None:
    """W002: SQLite that refuses claims at once is told before it does."""
    database.reconfigure(**settings)
    assert ids() == [f"django_idempotency.{number}" for number in expected]


@pytest.mark.databases("postgresql", "mariadb")
@pytest.mark.parametrize(
    ("isolation", "expected"),
    [(None, []), ("read committed", []), ("repeatable read", ["W003"]), ("serializable", ["W003"])],
)
def test_isolation_levels_are_checked(database: Database, isolation: str | None, expected: list[str]) -> None:
    """W003: an isolation level that claims are not written for is told."""
    database.reconfigure(isolation=isolation)
    assert ids() == [f"django_idempotency.{number}" for number in expected]


@pytest.mark.parametrize("use_tz", [True, False])
def test_time_zones_are_checked(database: Database, use_tz: bool) -> None:
    """W004: databases that store times without a zone show them in UTC, and the check says so."""
    warned = not use_tz and database.name != "postgresql"
    assert ids(USE_TZ=use_tz) == (["django_idempotency.W004"] if warned else [])


@pytest.mark.databases("sqlite")
def test_a_database_that_was_not_asked_for_is_left_alone(database: Database) -> None:
    """`manage.py check` without `--database` opens no connection."""
    with override_settings(USE_TZ=False):
        assert not [found for found in run_checks() if str(found.id).startswith("django_idempotency")]


@pytest.mark.databases("sqlite")
def test_a_guard_around_dispatch(database: Database) -> None:
    """E012: what refuses each request is told before the first one."""

    @method_decorator(idempotent, name="dispatch")
    class Pay(APIView):
        def post(self, request: Request) -> Response:
            return Response()

    @method_decorator(idempotent, name="dispatch")
    class Plain(View):
        def post(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse()

    urls: Any = ModuleType("around_dispatch")
    urls.urlpatterns = [path("plain/", Plain.as_view(), name="plain")]
    assert ids(ROOT_URLCONF=urls) == []
    urls = ModuleType("around_dispatch_of_drf")
    urls.urlpatterns = [path("pay/", Pay.as_view(), name="pay")]
    assert ids(ROOT_URLCONF=urls) == ["django_idempotency.E012"]


async def nobody_awaits(request: Any) -> str:
    return "x"


@pytest.mark.databases("sqlite")
def test_an_async_function_by_its_path(database: Database) -> None:
    """E002: a path is looked at once it can be imported."""
    assert ids(IDEMPOTENCY={"SCOPE": f"{__name__}.nobody_awaits"}) == ["django_idempotency.E002"]
