"""The mixin on each kind of DRF view."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.decorators import action
from rest_framework.generics import CreateAPIView, ListCreateAPIView, UpdateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import ModelViewSet, ViewSet

from django_idempotency import IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.faces.parts import REPLAYED, EffectSerializer, TokenView, client, effects, record, same, send
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

ALL_METHODS = IdempotencyPolicy(methods=("POST", "PATCH", "PUT", "DELETE"), required=True)


class Plain(IdempotencyMixin, TokenView):
    def post(self, request: Request) -> Response:
        return record(request)

    def put(self, request: Request) -> Response:
        return record(request, 200)

    def delete(self, request: Request) -> Response:
        record(request)
        return Response(status=204)

    def get(self, request: Request) -> Response:
        Effect.objects.create(label="read")
        return Response({"reads": effects()})


class OptedIn(Plain):
    idempotency_policy = ALL_METHODS


class Create(IdempotencyMixin, TokenView, CreateAPIView):
    serializer_class = EffectSerializer


class ListCreate(IdempotencyMixin, TokenView, ListCreateAPIView):
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer


class Update(IdempotencyMixin, TokenView, UpdateAPIView):
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer

    def perform_update(self, serializer: Any) -> None:
        serializer.save()
        Effect.objects.create(label="trace of an update")


class Effects(IdempotencyMixin, TokenView, ModelViewSet):
    queryset = Effect.objects.all()
    serializer_class = EffectSerializer

    @action(detail=False, methods=["post"])
    def pay(self, request: Request) -> Response:
        return record(request)

    @action(detail=True, methods=["post"])
    def copy(self, request: Request, pk: str) -> Response:
        return record(request)


class Bare(IdempotencyMixin, TokenView, ViewSet):
    def create(self, request: Request) -> Response:
        return record(request)


router = SimpleRouter()
router.register("effects", Effects)
router.register("bare", Bare, basename="bare")
urlpatterns = [
    path("plain/", Plain.as_view(), name="plain"),
    path("opted-in/", OptedIn.as_view(), name="opted-in"),
    path("create/", Create.as_view(), name="create"),
    path("list-create/", ListCreate.as_view(), name="list-create"),
    path("update/<int:pk>/", Update.as_view(), name="update"),
    path("", include(router.urls)),
]

CREATING = [
    "/plain/",
    "/create/",
    "/list-create/",
    "/effects/",
    "/bare/",
    "/effects/pay/",
    "/effects/7/copy/",
]


@pytest.mark.parametrize("path", CREATING)
def test_a_retry_gets_the_first_answer(database: Database, path: str) -> None:
    """REQ 3: on every kind of view a retry causes nothing and is answered as the first request was."""
    caller = client()
    first, retry = (send(caller, path) for _ in range(2))
    assert first.status_code == 201
    assert same(first, retry)
    assert effects() == 1


@pytest.mark.parametrize("path", CREATING)
def test_the_data_of_a_replay_is_there(database: Database, path: str) -> None:
    """`response.data` of a replay equals that of the first answer, as tests and middleware expect of DRF."""
    caller = client()
    first, retry = (send(caller, path) for _ in range(2))
    assert retry.headers[REPLAYED] == "true"
    assert retry.data == first.data == first.json()


@pytest.mark.parametrize("path", CREATING)
def test_another_key_runs_again(database: Database, path: str) -> None:
    """Another key, and no key at all, are other requests."""
    caller = client()
    answers = [send(caller, path, key=key) for key in ("a", "b", None, None)]
    assert all(answer.status_code == 201 and REPLAYED not in answer.headers for answer in answers)
    assert effects() == 4


def test_patch_is_guarded_by_itself(database: Database) -> None:
    """REQ 21: PATCH is guarded without being asked for."""
    caller = client()
    path = f"/update/{Effect.objects.create(label='old').pk}/"
    first, retry = (send(caller, path, {"label": "new"}, method="patch") for _ in range(2))
    assert same(first, retry)
    assert effects(label="trace of an update") == 1


@pytest.mark.parametrize(("method", "status"), [("put", 200), ("delete", 204)])
@pytest.mark.parametrize(("path", "runs"), [("/plain/", 2), ("/opted-in/", 1)])
def test_put_and_delete_are_guarded_where_asked_for(
    database: Database, method: str, status: int, path: str, runs: int
) -> None:
    """REQ 21: PUT and DELETE are guarded where the policy names them, and only there."""
    caller = client()
    answers: list[HttpResponse] = [send(caller, path, method=method) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert same(*answers) is (runs == 1)
    assert effects() == runs


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_reading_is_never_guarded(database: Database, method: str) -> None:
    """REQ 21: GET, HEAD and OPTIONS run each time, with a key, without one, and with a malformed one."""
    caller = client()
    for key in ("k", "k", None, "x" * 999):
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = getattr(caller, method)("/opted-in/", headers=headers)
        assert answer.status_code == 200
        assert REPLAYED not in answer.headers
    assert effects() == (0 if method == "options" else 4)


def test_a_replayed_post_does_not_answer_a_get(database: Database) -> None:
    """REQ 21: the key of a POST, sent along with a GET, does not fetch the POST's answer."""
    caller = client()
    send(caller, "/plain/")
    assert caller.get("/plain/", headers={"Idempotency-Key": "k"}).json() == {"reads": 2}


@pytest.mark.parametrize(
    ("method", "path"),
    [("put", "/bare/"), ("patch", "/bare/"), ("delete", "/effects/"), ("patch", "/plain/")],
)
def test_a_method_that_is_not_there_is_405(database: Database, method: str, path: str) -> None:
    """A method that the view does not have stays 405, key or no key, and leaves the key free."""
    caller = client()
    for key in ("k", "k", None):
        assert send(caller, path, method=method, key=key).status_code == 405
    assert send(caller, "/bare/").status_code == 201
