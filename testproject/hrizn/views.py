"""hrizn's endpoints. ``HriznView`` is what makes their POSTs idempotent; the rest is plain DRF."""

from typing import Any

from django.urls import reverse
from rest_framework.decorators import action
from rest_framework.generics import CreateAPIView
from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from django_idempotency.mixins import IdempotencyMixin
from testproject.hrizn.models import Content, Description, IdeaCloud
from testproject.hrizn.policy import ERRORS, POLICY
from testproject.hrizn.serializers import (
    ContentSerializer,
    DescriptionSerializer,
    IdeaCloudSerializer,
)
from testproject.systems.request_ids import request_id_of
from testproject.systems.serializers import NoFieldsSerializer
from testproject.systems.views import OwnedView, SystemView


class HriznView(IdempotencyMixin, SystemView):
    """Every POST that has a key happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS


class IdeaClouds(HriznView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    queryset = IdeaCloud.objects.all()
    serializer_class = IdeaCloudSerializer


class Contents(HriznView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    # Whatever is there: a key that comes back with another path is told so, and not that there is no such path.
    lookup_value_regex = "[^/]+"
    queryset = Content.objects.all()
    serializer_class = ContentSerializer
    # What a POST makes.
    content_kind = Content.Kind.ARTICLE

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(
            organization=self.organization,
            request_id=request_id_of(self.request),
            content_kind=self.content_kind,
        )

    def get_success_headers(self, data: Any) -> dict[str, str]:
        # All kinds live in one place, wherever they were made.
        return {"Location": reverse("hrizn:content-detail", args=[data["id"]])}

    @action(detail=False, methods=["post"], content_kind=Content.Kind.COMPARISON)
    def comparison(self, request: Request) -> Response:
        return self.create(request)

    @action(detail=False, methods=["post"], url_path="model-landing", content_kind=Content.Kind.MODEL_LANDING)
    def model_landing(self, request: Request) -> Response:
        return self.create(request)

    @action(detail=False, methods=["post"], url_path="sales-event", content_kind=Content.Kind.SALES_EVENT)
    def sales_event(self, request: Request) -> Response:
        return self.create(request)

    @action(detail=True, methods=["post"])
    def generate(self, request: Request, pk: str) -> Response:
        return self.act("generations")

    @action(detail=True, methods=["post"])
    def compliance(self, request: Request, pk: str) -> Response:
        return self.act("compliance_checks")

    @action(detail=True, methods=["post"], url_path="content-tools")
    def content_tools(self, request: Request, pk: str) -> Response:
        return self.act("content_tools")

    def act(self, counter: str) -> Response:
        """Do something to a content item, which shows how often it was done."""
        NoFieldsSerializer(data=self.request.data).is_valid(raise_exception=True)
        content = self.get_object()
        content.add_one(counter)
        return Response(self.get_serializer(content).data, status=201)


class Descriptions(HriznView, OwnedView, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    queryset = Description.objects.all()
    serializer_class = DescriptionSerializer


class VehicleDescription(HriznView, OwnedView, CreateAPIView):
    """Describes the vehicle that the path names; a VIN in the body is a field like any unknown one."""

    serializer_class = DescriptionSerializer

    def create(self, request: Request, vin: str) -> Response:
        NoFieldsSerializer(data=request.data).is_valid(raise_exception=True)
        serializer = self.get_serializer(data={"vin": vin})
        serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return Response(serializer.data, status=201, headers=self.get_success_headers(serializer.data))

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": reverse("hrizn:description-detail", args=[data["id"]])}


class Batch(HriznView, OwnedView, CreateAPIView):
    """Makes several of one kind; the serializer says which."""

    def get_success_headers(self, data: Any) -> dict[str, str]:
        # A batch has no page of its own.
        return {}
