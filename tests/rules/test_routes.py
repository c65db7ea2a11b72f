"""Which routes are guarded, as the checks see it."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path, re_path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_GET, require_http_methods
from rest_framework.decorators import action, api_view
from rest_framework.generics import CreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_idempotency import IdempotencyPolicy, Mode, Unknown
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.presets import DEFAULT
from django_idempotency.routes import routes
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.rig import HANDLER, Database

pytestmark = pytest.mark.urls(__name__)

OTHER = IdempotencyPolicy(required=True)
LEASED = IdempotencyPolicy(mode=Mode.LEASED)
SHORT = LEASED.but(lease=timedelta(seconds=30))


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@api_view(["POST", "PATCH"])
@idempotent(OTHER)
def of_drf(request: Request) -> Response:
    return Response()


@api_view(["POST"])
def bare(request: Request) -> Response:
    return Response()


class Posts(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@method_decorator(idempotent, name="post")
class GuardedPosts(Posts):
    pass


class Guarded(IdempotencyMixin, APIView):
    idempotency_policy = OTHER

    def post(self, request: Request) -> Response:
        return Response()

    def put(self, request: Request) -> Response:
        return Response()


class Things(IdempotencyMixin, GenericViewSet):
    def create(self, request: Request) -> Response:
        return Response()

    @action(detail=True, methods=["post"], idempotency_policy=OTHER)
    def cancel(self, request: Request, pk: str) -> Response:
        return Response()

    @action(detail=True, methods=["get"])
    def look(self, request: Request, pk: str) -> Response:
        return Response()


@require_GET
def reads(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class ReadOnly(Things):
    http_method_names = ("get",)


router = SimpleRouter()
router.register("things", Things, basename="thing")
nested = [
    path("decorated/", idempotent(plain)),
    path("named/<int:pk>/", idempotent(OTHER)(plain)),
    path("drf/", of_drf),
    path("bare/", bare),
    path("posts/", Posts.as_view()),
    path("guarded-posts/", GuardedPosts.as_view()),
    path("guarded/", Guarded.as_view()),
    path("around/", idempotent(OTHER)(Posts.as_view())),
    path("reads/", idempotent(reads)),
    path("puts/", idempotent(require_http_methods(["PUT"])(plain))),
    path("read-only/", ReadOnly.as_view({"post": "create"})),
    path("no-post/", Guarded.as_view(http_method_names=["put"])),
]
urlpatterns = [path("plain/", plain), path("in/", include(nested)), *router.urls]


def test_every_way_to_guard_is_seen() -> None:
    """REQ 21: a route is known with the policy that its requests meet, or as not guarded."""
    found = {
        (route.method, route.route): route.policy if route.is_guarded else None
        for route in routes("POST", "PUT")
    }
    assert found == {
        ("POST", "plain/"): None,
        ("PUT", "plain/"): None,
        ("POST", "in/decorated/"): DEFAULT,
        ("PUT", "in/decorated/"): None,
        ("POST", "in/named/<int:pk>/"): OTHER,
        ("PUT", "in/named/<int:pk>/"): None,
        ("POST", "in/drf/"): OTHER,
        ("POST", "in/bare/"): None,
        ("POST", "in/posts/"): None,
        ("POST", "in/guarded-posts/"): DEFAULT,
        ("POST", "in/guarded/"): OTHER,
        ("PUT", "in/guarded/"): None,
        ("POST", "in/around/"): OTHER,
        ("PUT", "in/puts/"): None,
        ("PUT", "in/no-post/"): None,
        ("POST", "^things/$"): DEFAULT,
        ("POST", "^things/(?P<pk>[^/.]+)/cancel/$"): OTHER,
    }


OPEN = IdempotencyPolicy(scope=everyone)
open_to_all = idempotent(OPEN)(plain)
v1 = ([path("named/", open_to_all, name="named"), re_path("^a/$", open_to_all)], "v1")
NAMES = [
    path("named/", open_to_all, name="named"),
    path("unnamed/", open_to_all),
    path("given/", idempotent(OPEN.but(endpoint="orders"))(plain)),
    path("v1/", include(v1)),
    re_path("^deep/", include([re_path("^er/", include(v1, namespace="inner"))])),
]


@pytest.mark.databases("sqlite")
def test_endpoints_are_named_as_their_records_are(database: Database, settings: Any) -> None:
    """What an endpoint is called is what stands in its records, however its route is put together."""
    urls: Any = ModuleType("named_routes")
    urls.urlpatterns = NAMES
    settings.ROOT_URLCONF = urls
    urls_asked = ["named", "unnamed", "given", "v1/named", "v1/a", "deep/er/named", "deep/er/a"]
    for url in urls_asked:
        assert Client().post(f"/{url}/", headers={"Idempotency-Key": url}).status_code == 200
    recorded = set(IdempotencyRecord.objects.values_list("endpoint", flat=True))
    assert recorded == {route.endpoint for route in routes("POST")}
    assert len(recorded) == len(urls_asked)


def told(view: Any) -> list[tuple[str, str]]:
    """The checks' ids about a project with one route, and the route that each names."""
    urls: Any = ModuleType("one_route")
    urls.urlpatterns = [path("pay/", view)]
    with override_settings(ROOT_URLCONF=urls):
        return [
            (str(found.id).rpartition(".")[2], found.msg.split()[2])
            for found in run_checks()
            if str(found.id).startswith("django_idempotency")
        ]


@pytest.mark.databases("sqlite")
@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
def test_leased_under_atomic_requests_is_told(database: Database) -> None:
    """E003: a claim that cannot be committed first is told at start-up, unless the view is exempt."""
    view = idempotent(LEASED)(plain)
    assert told(view) == [("E003", "/pay/")]
    assert told(transaction.non_atomic_requests(view)) == []
    assert told(idempotent(OTHER)(plain)) == []


@pytest.mark.databases("sqlite")
def test_a_short_lease_is_told(database: Database) -> None:
    """W005: a lease that ends while its request may still run is told."""
    assert told(idempotent(SHORT)(plain)) == [("W005", "/pay/")]
    assert told(idempotent(LEASED)(plain)) == []
    with override_settings(IDEMPOTENCY={"REQUEST_TIMEOUT": 90}):
        assert told(idempotent(LEASED)(plain)) == [("W005", "/pay/")]


class Apart:
    """A router that sends the models of one app to a second alias."""

    def __init__(self, app: str) -> None:
        self.app = app

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return "records" if model._meta.app_label == self.app else None


class Effects(IdempotencyMixin, CreateAPIView):
    queryset = Effect.objects.all()
    idempotency_policy = OTHER


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("view", [idempotent(OTHER)(plain), Effects.as_view()], ids=["function", "generic"])
def test_a_router_that_keeps_records_elsewhere_is_told(database: Database, view: Any) -> None:
    """W006: whoever sends them apart, also the router; and nobody is told where it sends both to one place."""
    HANDLER.settings["records"] = {**HANDLER.settings["default"]}
    try:
        assert told(view) == []
        with override_settings(DATABASE_ROUTERS=[Apart("django_idempotency")]):
            assert told(view) == [("W006", "/pay/")]
        if hasattr(view, "cls"):
            with override_settings(DATABASE_ROUTERS=[Apart("app")]):
                assert told(view) == [("W006", "/pay/")]
            with override_settings(DATABASE_ROUTERS=[Apart("app"), Apart("django_idempotency")]):
                assert told(view) == []
    finally:
        del HANDLER.settings["records"]


@pytest.mark.databases("sqlite")
def test_records_elsewhere_are_told(database: Database) -> None:
    """W006: in mode atomic, records on another alias protect only what is written there."""
    from django.db import connections

    connections.settings["records"] = {**connections.settings["default"]}
    try:
        assert told(idempotent(OTHER.but(database="records"))(plain)) == [("W006", "/pay/")]
        assert told(idempotent(LEASED.but(database="records"))(plain)) == []
    finally:
        del connections.settings["records"]


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "policy",
    [
        OTHER.but(scope="no.such.module"),
        OTHER.but(scope="django_idempotency.scopes.nobody"),
        OTHER.but(renderer="django_idempotency.presets.DEFAULT"),
        LEASED.but(pointer="shop.nothing"),
        LEASED.but(on_unknown=Unknown.RECONCILE, reconcile="shop.nothing"),
        OTHER.but(database="nowhere"),
        LEASED.but(database="nowhere"),
    ],
)
def test_what_a_policy_names_and_is_not_there(database: Database, policy: IdempotencyPolicy) -> None:
    """E007: a dotted path or an alias that leads nowhere is told before the first request finds out."""
    assert told(idempotent(policy)(plain)) == [("E007", "/pay/")]
    named = OTHER.but(
        scope="django_idempotency.scopes.everyone", renderer="django_idempotency.problems.render"
    )
    assert told(idempotent(named)(plain)) == []


@pytest.mark.databases("sqlite")
def test_a_model_that_the_settings_policy_follows(database: Database) -> None:
    """E007: so is a model that there is not, in a policy that no view names."""
    for label, expected in (("app.Effect", []), ("app.Nothing", [("E007", "/pay/")])):
        with override_settings(IDEMPOTENCY={"POLICY": OTHER.but(follows=(label,))}):
            assert told(idempotent(plain)) == expected


@pytest.mark.databases("sqlite")
def test_wrong_settings_are_told_first(database: Database) -> None:
    """Routes that cannot be judged under settings that are wrong do not stop the checks."""
    with override_settings(IDEMPOTENCY={"POLICY": "no.such.policy"}):
        assert [number for number, _ in told(idempotent(plain))] == ["E002"]


@pytest.mark.databases("sqlite")
def test_waiting_for_longer_than_a_request_may_run(database: Database) -> None:
    """W010: a duplicate that would wait until the server ends it is told."""
    assert told(idempotent(OTHER.but(in_flight_wait=30))(plain)) == [("W010", "/pay/")]
    assert told(idempotent(OTHER.but(in_flight_wait=29))(plain)) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ENGINE": "django.db.backends.dummy"}, [("E005", "/pay/")]),
        ({"TEST": {"MIRROR": "default"}}, [("E006", "/pay/")]),
        ({}, []),
    ],
)
def test_where_no_records_can_be(database: Database, changes: Any, expected: Any) -> None:
    """E005, E006: a database that is not supported, and a replica, are told."""
    HANDLER.settings["records"] = {**HANDLER.settings["default"], **changes}
    try:
        assert told(idempotent(LEASED.but(database="records"))(plain)) == expected
    finally:
        del HANDLER.settings["records"]
