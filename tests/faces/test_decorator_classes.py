"""`@idempotent` on the methods of classes: Django's views and DRF's, directly and by `method_decorator`."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import action
from rest_framework.generics import CreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, EffectSerializer, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

CONFLICT = IdempotencyPolicy(mismatch_status=409)


class Plain(View):
    def post(self, request: HttpRequest, pk: int = 0) -> JsonResponse:
        return JsonResponse({"id": Effect.objects.create(label="x").pk, "target": pk}, status=201)


class Direct(LoginRequiredMixin, Plain):
    @idempotent
    def post(self, request: HttpRequest, pk: int = 0) -> JsonResponse:
        return super().post(request, pk)


@method_decorator(idempotent, name="post")
class Named(Plain):
    pass


@method_decorator([idempotent(CONFLICT)], name="dispatch")
class Dispatching(Plain):
    pass


class OnMethod(Plain):
    @method_decorator(idempotent(CONFLICT))
    def post(self, request: HttpRequest, pk: int = 0) -> JsonResponse:
        return super().post(request, pk)


class Recording(TokenView):
    def post(self, request: Request, **kwargs: Any) -> Response:
        return record(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response["X-Target"] = str(kwargs.get("pk"))
        return super().finalize_response(request, response, *args, **kwargs)


class DRFDirect(Recording):
    @idempotent(CONFLICT)
    def post(self, request: Request, **kwargs: Any) -> Response:
        return record(request)


@method_decorator(idempotent(CONFLICT), name="post")
class DRFNamed(Recording):
    pass


@method_decorator(idempotent, name="create")
class DRFGeneric(TokenView, CreateAPIView):
    serializer_class = EffectSerializer


class Twice(IdempotencyMixin, Recording):
    @idempotent
    def post(self, request: Request, **kwargs: Any) -> Response:
        return record(request)


class Actions(TokenView, ViewSet):
    @idempotent
    def create(self, request: Request) -> Response:
        return record(request)

    @action(detail=False, methods=["post"])
    @idempotent
    def under(self, request: Request) -> Response:
        return record(request)

    @idempotent
    @action(detail=False, methods=["post"])
    def above(self, request: Request) -> Response:
        return record(request)


@method_decorator(idempotent, name="dispatch")
class DRFDispatching(Recording):
    pass


class DRFDispatchingDirectly(Recording):
    @idempotent
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


router = SimpleRouter()
router.register("actions", Actions, basename="actions")
DJANGO: list[type[View]] = [Direct, Named, Dispatching, OnMethod]
DRF: list[type[View]] = [DRFDirect, DRFNamed, DRFGeneric, Twice]
WRONG: list[type[View]] = [DRFDispatching, DRFDispatchingDirectly]
urlpatterns = [
    path("", include(router.urls)),
    *[
        path(f"{view.__name__}/<int:pk>/", view.as_view(), name=view.__name__)
        for view in [*DJANGO, *DRF, *WRONG]
    ],
    path("function/", idempotent(Plain.as_view()), name="function"),
]
URLS = {
    "django": [*[f"/{view.__name__}/5/" for view in DJANGO], "/function/"],
    "drf": [*[f"/{view.__name__}/5/" for view in DRF], "/actions/", "/actions/under/", "/actions/above/"],
}


def session() -> Client:
    made = Client()
    made.force_login(user("ann"))
    return made


@pytest.mark.parametrize("url", [*URLS["django"], *URLS["drf"]])
def test_a_retry_gets_the_first_answer(database: Database, url: str) -> None:
    """REQ 3: on methods too, whichever way it was put there, once or twice."""
    caller = session() if url in URLS["django"] else client()
    first, retry = (send(caller, url) for _ in range(2))
    assert first.status_code == 201
    assert same(first, retry)
    assert effects() == 1
    assert REPLAYED not in send(caller, url, key="other").headers


@pytest.mark.parametrize("url", URLS["drf"])
def test_authentication_stands_before_a_replay(database: Database, url: str) -> None:
    """REQ 5: on a DRF method it guards behind DRF's authentication."""
    assert send(client(), url).status_code == 201
    stranger = client()
    stranger.credentials(HTTP_AUTHORIZATION="Token wrong")
    answer = send(stranger, url)
    assert answer.status_code == 401
    assert REPLAYED not in answer.headers


def test_login_stands_before_a_replay(database: Database) -> None:
    """REQ 5: the mixins of a Django view run in `dispatch`, before the guarded method."""
    caller = session()
    assert send(caller, "/Direct/5/").status_code == 201
    assert send(Client(), "/Direct/5/").status_code == 302


@pytest.mark.parametrize("view", ["DRFDirect", "DRFNamed", "Twice"])
def test_an_override_sees_the_arguments_of_the_path(database: Database, view: str) -> None:
    """`finalize_response` gets the path's arguments, guarded or not, and on a replay."""
    caller = client()
    answers = [send(caller, f"/{view}/5/") for _ in range(2)]
    assert [answer.headers["X-Target"] for answer in answers] == ["5", "5"]


@pytest.mark.parametrize("view", WRONG)
def test_dispatch_of_a_drf_view_is_refused(database: Database, view: type[View]) -> None:
    """REQ 5: around a DRF view's `dispatch` it would replay before authentication: an error, not a leak."""
    with pytest.raises((TypeError, ImproperlyConfigured), match="replay before authentication"):
        send(client(), f"/{view.__name__}/5/")
    assert effects() == 0


@pytest.mark.parametrize("view", [Recording.as_view(), Actions.as_view({"post": "create"})])
def test_a_drf_view_as_a_whole_is_refused(view: Any) -> None:
    """REQ 5: around `as_view()` too, and where it is written."""
    with pytest.raises(TypeError, match="replay before authentication"):
        idempotent(view)


@pytest.mark.parametrize("view", [Plain, APIView])
def test_a_class_is_refused(view: type) -> None:
    """On a class itself it says how to write it."""
    with pytest.raises(TypeError, match="method_decorator"):
        idempotent(view)
