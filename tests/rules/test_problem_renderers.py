"""A refusal looks as the policy, or the project, wants it to."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from pytest_django.fixtures import Settings

from django_idempotency import Problem
from django_idempotency.presets import render_stripe
from tests.rig import Database
from tests.rules.parts import OPEN, Site
from tests.rules.refusals import malformed, refusals, reused

pytestmark = pytest.mark.databases("sqlite")


@refusals
def test_the_renderer_is_policy(
    database: Database,
    site: Site,
    code: str,
    meet: Any,
    status: int,
    retryable: bool,
    same_key: bool,
    retry_after: str | None,
) -> None:
    """REQ 17: a policy's own renderer gets every refusal, and the headers that clients act on stay."""
    response = meet(site, OPEN.but(renderer=shout), False)
    assert response.status_code == 418
    assert response.json() == {
        "shout": [code, status, retryable, same_key, 1 if retry_after else None],
        "method": "POST",
    }
    assert response.headers["X-Should-Retry"] == ("true" if retryable else "false")
    assert response.headers.get("Retry-After") == retry_after


def shout(problem: Problem, request: HttpRequest) -> HttpResponse:
    told = [problem.code, problem.status, problem.retryable, problem.retry_same_key, problem.retry_after]
    return JsonResponse({"shout": told, "method": request.method}, status=418)


def test_a_renderer_that_returns_no_response(database: Database, site: Site) -> None:
    """REQ 17: it is named, and what it returned."""
    client = site(OPEN.but(required=True, renderer=lambda problem, request: {"code": problem.code}))
    client.raise_request_exception = True
    with pytest.raises(TypeError, match=r"The renderer .*returned a dict, no HttpResponse"):
        client.post("/")


@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
@pytest.mark.parametrize("where", ["policy", "settings"])
def test_a_renderer_may_be_a_dotted_path(
    database: Database, site: Site, settings: Settings, where: str, drf: bool
) -> None:
    """REQ 17: a renderer may be named, in a policy or for the whole project."""
    name = f"{__name__}.shout"
    if where == "settings":
        settings.IDEMPOTENCY = {"RENDERER": name}
    policy = OPEN.but(renderer=name) if where == "policy" else OPEN
    assert malformed(site, policy, drf).status_code == 418


def test_a_policys_renderer_comes_before_the_projects(
    database: Database, site: Site, settings: Settings
) -> None:
    """REQ 17: what a policy says holds, whatever the project says."""
    settings.IDEMPOTENCY = {"RENDERER": shout}
    body = malformed(site, OPEN.but(renderer=render_stripe), False).json()
    assert body["error"]["code"] == "invalid_idempotency_key"


def test_stripes_shape(database: Database, site: Site) -> None:
    """REQ 17: Stripe's clients find the error object that they know."""
    response = reused(site, OPEN.but(renderer=render_stripe, mismatch_status=400), False)
    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert (error["type"], error["code"]) == ("idempotency_error", "idempotency_conflict")
    assert set(error) == {"type", "code", "message"}
    assert response.headers["Stripe-Should-Retry"] == "false"
