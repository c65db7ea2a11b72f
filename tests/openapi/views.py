"""One view of each kind that can be guarded, and some that are not."""

from __future__ import annotations

from typing import Any

from django.utils.decorators import method_decorator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action, api_view
from rest_framework.generics import CreateAPIView, ListCreateAPIView
from rest_framework.mixins import CreateModelMixin, UpdateModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_idempotency import IETF, STRIPE, BodyField, Derived, Header, IdempotencyPolicy, Mode
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin, IdempotentCreateMixin

REQUIRED = IdempotencyPolicy(required=True, min_length=16, max_length=64)
RENAMED = IdempotencyPolicy(
    keys=(Header("X-Request-Token"), Header("Idempotency-Key"), BodyField("token")),
    required=True,
    in_flight_status=503,
    mismatch_status=409,
    replayed_header="X-Replayed",
    expires_header=None,
    methods=("POST", "PUT", "DELETE"),
)
DERIVED = IdempotencyPolicy(keys=(Derived(lambda request: "", marked=False),), gone_status=410)
LEASED = IdempotencyPolicy(mode=Mode.LEASED, lifetime=None)


class OrderSerializer(serializers.Serializer[Any]):
    item = serializers.CharField()


class Described(APIView):
    """What a base class of the project says."""

    serializer_class = OrderSerializer


class Plain(ListCreateAPIView[Any]):
    """Guarded by nothing."""

    serializer_class = OrderSerializer
    pagination_class = None


class Create(IdempotentCreateMixin, CreateAPIView[Any]):
    serializer_class = OrderSerializer


class Inherits(IdempotencyMixin, Described):
    idempotency_policy = STRIPE

    def get(self, request: Request) -> Response:
        return Response()

    def post(self, request: Request) -> Response:
        return Response()


class Orders(IdempotencyMixin, CreateModelMixin, UpdateModelMixin, GenericViewSet[Any]):
    """Orders, each with an action that has rules of its own."""

    serializer_class = OrderSerializer
    idempotency_policy = REQUIRED
    lookup_value_converter = "int"

    @action(methods=["post"], detail=True, idempotency_policy=LEASED)
    def pay(self, request: Request, pk: str) -> Response:
        return Response()

    @extend_schema(
        responses={202: OrderSerializer, 409: OpenApiTypes.STR}, description="Says more of itself."
    )
    @action(methods=["post", "delete"], detail=True, idempotency_policy=RENAMED)
    def cancel(self, request: Request, pk: str) -> Response:
        return Response()


class Chooses(IdempotencyMixin, CreateModelMixin, UpdateModelMixin, GenericViewSet[Any]):
    serializer_class = OrderSerializer
    lookup_value_converter = "int"

    def get_idempotency_policy(self) -> IdempotencyPolicy:
        return IETF if self.action == "create" else DERIVED


@extend_schema(request=OrderSerializer, responses=OrderSerializer, tags=["functions"])
@api_view(["GET", "POST"])
@idempotent(REQUIRED)
def function(request: Request) -> Response:
    """A function."""
    return Response()


class Handlers(APIView):
    serializer_class = OrderSerializer

    @idempotent
    def post(self, request: Request) -> Response:
        """A handler."""
        return Response()

    def patch(self, request: Request) -> Response:
        return Response()


@extend_schema(tags=["class"], parameters=[OpenApiParameter("idempotency-key", location="header")])
@method_decorator(idempotent(REQUIRED), name="post")
class ExtendedTwice(APIView):
    serializer_class = OrderSerializer

    @extend_schema(summary="Of the handler", parameters=[OpenApiParameter("page", int)])
    def post(self, request: Request) -> Response:
        return Response()


class OwnSchema(AutoSchema):
    def get_tags(self) -> list[str]:
        return ["own schema"]


class HasSchema(IdempotencyMixin, CreateAPIView[Any]):
    serializer_class = OrderSerializer
    schema = OwnSchema()

    @extend_schema(summary="Extends a schema of the view's own")
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)
