"""Refusals as a client sees them."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse

from django_idempotency import KeySyntax
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, Site, effects, send
from tests.rules.refusals import in_progress, refusals, reused

pytestmark = pytest.mark.databases("sqlite")

RETRY_HEADERS = ("X-Should-Retry", "Stripe-Should-Retry")


@refusals
@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
def test_a_refusal_is_a_problem(
    database: Database,
    site: Site,
    code: str,
    meet: Any,
    status: int,
    retryable: bool,
    same_key: bool,
    retry_after: str | None,
    drf: bool,
) -> None:
    """REQ 17, 18: RFC 9457, with a stable type and code, and headers that say whether a retry helps."""
    response = meet(site, OPEN, drf)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {type(body.pop(name)) for name in ("title", "detail")} == {str}
    assert body == {
        "type": f"urn:django-idempotency:problem:{code}",
        "code": code,
        "status": status,
        "retryable": retryable,
        "retry_same_key": same_key,
        **({"retry_after": 1} if retry_after else {}),
    }
    should = "true" if retryable else "false"
    assert [response.headers[name] for name in RETRY_HEADERS] == [should, should]
    assert response.headers.get("Retry-After") == retry_after
    assert response.headers["Cache-Control"] == "no-store"
    assert "Idempotent-Replayed" not in response.headers


@pytest.mark.parametrize("status", [400, 409, 422])
def test_the_status_of_a_mismatch_is_policy(database: Database, site: Site, status: int) -> None:
    """REQ 18: whatever the status, a mismatch says that no retry helps, or clients would retry a 409 for ever."""
    response = reused(site, OPEN.but(mismatch_status=status), False)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert [response.headers[name] for name in RETRY_HEADERS] == ["false", "false"]
    assert "Retry-After" not in response.headers
    assert effects() == 1


@pytest.mark.parametrize(("status", "seconds"), [(409, 1), (409, 30), (503, 7)])
def test_in_flight_says_when_to_come_back(database: Database, site: Site, status: int, seconds: int) -> None:
    """REQ 11, 18: in flight is 409 or 503, with `Retry-After` in whole seconds, and says that a retry helps."""
    response = in_progress(site, OPEN.but(in_flight_status=status, retry_after=seconds), False)
    assert (response.status_code, response.headers["Retry-After"]) == (status, str(seconds))
    assert [response.headers[name] for name in RETRY_HEADERS] == ["true", "true"]
    assert response.json()["retry_after"] == seconds
    assert effects() == 1


def test_a_handlers_own_errors_are_its_own(database: Database, site: Site) -> None:
    """REQ 17: what the handler refuses is passed on as it is, without a header of ours."""

    def refuses(request: HttpRequest, rest: str) -> HttpResponse:
        Effect.objects.create(label="x")
        return JsonResponse({"error": "busy"}, status=409)

    for policy in (OPEN, None):
        response = send(site(policy, refuses), path="/x")
        assert (response.status_code, response.json()) == (409, {"error": "busy"})
        assert not {*RETRY_HEADERS, "Retry-After", "Idempotent-Replayed"} & set(response.headers)
    assert effects() == 1


def test_problems_say_what_to_do(database: Database, site: Site) -> None:
    """REQ 17: the detail of a malformed key tells what is wrong with this one."""
    policy = OPEN.but(max_length=10, syntax=KeySyntax.STRICT)
    answers = {key: send(site(policy), key=key).json()["detail"] for key in ("bare", '"' + "k" * 11 + '"')}
    assert "quoted" in answers["bare"]
    assert "11 characters" in answers['"' + "k" * 11 + '"']
    assert "1 to 10" in answers['"' + "k" * 11 + '"']
