"""What a project says of an operation itself is what the schema says."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import include, path
from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from pytest_django.fixtures import Settings
from rest_framework.generics import CreateAPIView
from rest_framework.mixins import CreateModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_idempotency import IETF, IdempotencyPolicy
from django_idempotency.contrib.spectacular import views
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from tests.openapi.parts import Create, ItemSerializer, keys, operation, schema_of

REFUSALS = {"400", "409", "422", "503"}


class Tagged(AutoSchema):
    def get_tags(self) -> list[str]:
        return ["tagged"]


def test_declared_answers_win() -> None:
    """A status that the view declares is the view's; the others are added to it."""

    @extend_schema(responses={201: ItemSerializer, 409: OpenApiResponse(OpenApiTypes.STR, "Sold out.")})
    class View(Create):
        pass

    answers = operation(View.as_view())["responses"]
    assert set(answers) == {"201", *REFUSALS}
    assert answers["409"]["description"] == "Sold out."


@pytest.mark.parametrize("method", [False, True], ids=["on the class", "on the handler"])
def test_a_declared_key_wins(method: bool) -> None:
    """A parameter that the view declares is the only one of its name, in whatever case; or it is left out."""

    def view(parameter: OpenApiParameter) -> Any:
        extend = extend_schema(parameters=[parameter])

        class View(Create):
            def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
                return super().post(request, *args, **kwargs)

        if method:
            View.post = extend(View.post)  # type: ignore[method-assign]
            return View.as_view()
        return extend(View).as_view()

    own = OpenApiParameter("idempotency-key", location="header", required=True, description="Ours.")
    assert keys(operation(view(own))) == {"idempotency-key": True}
    assert keys(operation(view(OpenApiParameter("Idempotency-Key", location="header", exclude=True)))) == {}
    assert keys(operation(view(OpenApiParameter("idempotency-key", location="query")))) == {
        "Idempotency-Key": False
    }


def test_declared_response_headers_win() -> None:
    """So does a header of the answer."""
    header = OpenApiParameter("idempotent-replayed", str, "header", response=[201], description="Ours.")

    @extend_schema(parameters=[header])
    class View(Create):
        pass

    headers = operation(View.as_view())["responses"]["201"]["headers"]
    assert set(headers) == {"idempotent-replayed", "Idempotency-Key-Expires-In"}
    assert headers["idempotent-replayed"]["description"] == "Ours."


def test_stored_errors_carry_the_headers() -> None:
    """An error that the policy stores is replayed with the same headers as a success; another is not replayed."""

    @extend_schema(responses={201: ItemSerializer, 410: None, 403: None, "4XX": None, "3XX": None})
    class View(Create):
        idempotency_policy = IETF

    answers = operation(View.as_view())["responses"]
    assert {
        status for status, each in answers.items() if "Idempotent-Replayed" in each.get("headers", {})
    } == {
        "201",
        "410",
        "3XX",
    }


def test_an_operation_written_by_hand_is_left_alone() -> None:
    """Whoever writes the whole operation has said all of it."""
    mine: dict[str, Any] = {"operationId": "mine", "responses": {"200": {"description": "Mine."}}}

    class View(Create):
        @extend_schema(operation=mine)
        def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
            return super().post(request, *args, **kwargs)

    assert operation(View.as_view()) == mine


def test_the_projects_schema_class(settings: Settings) -> None:
    """DEFAULT_SCHEMA_CLASS is the class of guarded views as well."""
    settings.REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": f"{__name__}.Tagged"}
    described = operation(Create.as_view())
    assert described["tags"] == ["tagged"]
    assert keys(described) == {"Idempotency-Key": False}


def test_another_extension_for_the_same_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view that another extension describes is described by it, and by its guard."""
    monkeypatch.setattr(OpenApiViewExtension, "_registry", [*OpenApiViewExtension._registry])

    class View(APIView):
        @idempotent(IETF)
        def post(self, request: Request) -> Response:
            return Response()

    class Fixed(OpenApiViewExtension):
        target_class = View

        def view_replacement(self) -> Any:
            class Replacement(View):
                @extend_schema(request=ItemSerializer, responses={418: ItemSerializer})
                def post(self, request: Request) -> Response:
                    return Response()

            return Replacement

    described = operation(View.as_view())
    assert keys(described) == {"Idempotency-Key": True}
    assert set(described["responses"]) == {"418", *REFUSALS}


def test_nothing_of_the_project_is_changed() -> None:
    """The views that are served are those of before, and those without a guard are described as they are."""

    class Plain(CreateAPIView[Any]):
        serializer_class = ItemSerializer

    view, plain = Create.as_view(), Plain.as_view()
    schema = Create.schema
    described = schema_of(path("x/", view), path("plain/", plain))["paths"]["/plain/"]["post"]
    assert set(described["responses"]) == {"201"}
    assert (view.cls, plain.cls) == (Create, Plain)
    assert type(Create.schema) is type(schema)
    assert views.GuardedViews(plain).view_replacement() is Plain


def test_one_view_stays_one() -> None:
    """What drf-spectacular guesses from the number of view classes, it guesses as without a guard."""

    class Orders(CreateModelMixin, UpdateModelMixin, GenericViewSet[Any]):
        serializer_class = ItemSerializer
        lookup_value_converter = "int"

    class Guarded(IdempotencyMixin, Orders):
        idempotency_policy = IdempotencyPolicy()

    def tags(viewset: Any) -> set[str]:
        router = SimpleRouter(use_regex_path=False)
        router.register("orders", viewset, basename="order")
        paths = schema_of(path("api/", include(router.urls)))["paths"]
        return {tag for methods in paths.values() for each in methods.values() for tag in each["tags"]}

    assert tags(Guarded) == tags(Orders)
