"""`@idempotent` on functions: how it is written, where it stands, what it leaves as it was."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

CONFLICT = IdempotencyPolicy(mismatch_status=409, required=True)


def pay(request: HttpRequest, pk: int = 0) -> JsonResponse:
    """Pay."""
    effect = Effect.objects.create(label=request.POST.get("label", "x"))
    return JsonResponse({"id": effect.pk, "target": pk}, status=201)


@api_view(["POST"])
@authentication_classes(TokenView.authentication_classes)
@permission_classes([IsAuthenticated])
@idempotent
def drf_bare(request: Request) -> Response:
    return record(request)


@api_view(["POST"])
@idempotent(CONFLICT)
@authentication_classes(TokenView.authentication_classes)
@permission_classes([IsAuthenticated])
def drf_policy(request: Request, pk: int) -> Response:
    return record(request)


class Payment:
    """A view that is an object."""

    def __call__(self, request: HttpRequest) -> JsonResponse:
        return pay(request)


urlpatterns = [
    path("bare/", idempotent(pay), name="bare"),
    path("called/", idempotent()(pay), name="called"),
    path("policy/", idempotent(CONFLICT)(pay), name="policy"),
    path("none/", idempotent(None)(pay), name="none"),
    path("login/", login_required(require_POST(idempotent(pay))), name="login"),
    path("argument/<int:pk>/", idempotent(pay), name="argument"),
    path("partial/", idempotent(partial(pay, pk=3)), name="partial"),
    path("object/", idempotent(Payment()), name="object"),
    path("lambda/", idempotent(lambda request: pay(request)), name="lambda"),
    path("drf/", drf_bare, name="drf"),
    path("drf/<int:pk>/", drf_policy, name="drf-policy"),
]
PLAIN = ["bare", "called", "policy", "none", "login", "argument/7", "partial", "object", "lambda"]


def session(name: str = "ann") -> Client:
    made = Client()
    made.force_login(user(name))
    return made


@pytest.mark.parametrize("name", PLAIN)
def test_a_retry_gets_the_first_answer(database: Database, name: str) -> None:
    """REQ 3: with and without parentheses, with and without a policy, on all that is a view."""
    caller = session()
    first, retry = (send(caller, f"/{name}/") for _ in range(2))
    assert first.status_code == 201
    assert same(first, retry)
    assert effects() == 1


@pytest.mark.parametrize(("name", "status"), [("bare", 422), ("called", 422), ("none", 422), ("policy", 409)])
def test_the_policy_holds(database: Database, name: str, status: int) -> None:
    """REQ 18: the decorator's policy, else that of the settings."""
    caller = session()
    send(caller, f"/{name}/", {"label": "a"})
    assert send(caller, f"/{name}/", {"label": "b"}).status_code == status
    assert send(caller, f"/{name}/", key=None).status_code == (400 if name == "policy" else 201)


def test_path_arguments_count(database: Database) -> None:
    """REQ 6: the same key at another path argument is another request."""
    caller = session()
    first = send(caller, "/argument/1/")
    assert send(caller, "/argument/2/").status_code == 422
    assert same(first, send(caller, "/argument/1/"))


def test_what_stands_above_runs_before_each_replay(database: Database) -> None:
    """REQ 5: `login_required` above the decorator turns away whoever has logged out."""
    caller = session()
    assert send(caller, "/login/").status_code == 201
    caller.logout()
    answer = send(caller, "/login/")
    assert answer.status_code == 302
    assert REPLAYED not in answer.headers


@pytest.mark.parametrize("url", ["/drf/", "/drf/5/"])
def test_under_api_view(database: Database, url: str) -> None:
    """REQ 5: under `@api_view` it guards behind DRF's authentication and permissions, above or below theirs."""
    caller = client()
    first, retry = (send(caller, url) for _ in range(2))
    assert first.status_code == 201
    assert same(first, retry)
    assert retry.data == first.data
    caller.credentials()
    assert send(caller, url).status_code == 401
    assert effects() == 1


@pytest.mark.parametrize("decorate", [idempotent, idempotent(), idempotent(CONFLICT)])
@pytest.mark.parametrize("between", [lambda view: view, csrf_exempt, login_required, partial])
def test_above_api_view_is_refused(decorate: Callable[[Any], Any], between: Callable[[Any], Any]) -> None:
    """REQ 5: above `@api_view` it would replay before authentication: refused where it is written."""
    with pytest.raises(TypeError, match="replay before authentication"):
        decorate(between(drf_bare))


@pytest.mark.parametrize("wrong", ["a path", 7, {"required": True}])
def test_what_is_no_policy_is_refused(wrong: Any) -> None:
    """A mistake in the parentheses is seen at once."""
    with pytest.raises(TypeError, match="IdempotencyPolicy"):
        idempotent(wrong)


def test_what_is_no_view_is_refused(database: Database) -> None:
    """A function that gets no request cannot be guarded, and says so instead of running unguarded."""
    with pytest.raises(TypeError, match="guards views"):
        idempotent(lambda amount: Effect.objects.create(amount=amount))(7)
    assert effects() == 0


@pytest.mark.parametrize(
    "decorated", [idempotent(csrf_exempt(pay)), csrf_exempt(idempotent(pay))], ids=["under", "above"]
)
def test_csrf_exempt_is_kept_in_both_orders(database: Database, decorated: Any) -> None:
    """An attribute that another decorator has set stays, on whichever side it stands."""
    assert decorated.csrf_exempt is True


def test_the_function_is_still_itself() -> None:
    """Name, docstring, module, signature and the way to the original are kept."""
    decorated = idempotent(pay)
    assert (decorated.__name__, decorated.__doc__, decorated.__module__) == ("pay", "Pay.", __name__)
    assert decorated.__wrapped__ is pay  # type: ignore[attr-defined]
    assert inspect.signature(decorated) == inspect.signature(pay)
    assert not inspect.iscoroutinefunction(decorated)


def test_other_attributes_are_kept() -> None:
    """What projects hang on their views stays there."""

    def view(request: HttpRequest) -> JsonResponse:
        return JsonResponse({})

    view.audited = True  # type: ignore[attr-defined]
    assert idempotent(view).audited is True  # type: ignore[attr-defined]
