"""Whet's endpoints. ``WhetView`` is what makes their POSTs idempotent; what these do is in ``operations``."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.generics import CreateAPIView, ListAPIView
from rest_framework.mixins import DestroyModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from django_idempotency.mixins import IdempotencyMixin
from testproject.systems.request_ids import request_id_of
from testproject.systems.views import OwnedView
from testproject.whet import operations, serializers
from testproject.whet.models import Account, Artifact, Pipeline
from testproject.whet.policy import ERRORS, FETCH_POLICY, POLICY


class WhetView(IdempotencyMixin, OwnedView):
    """Every POST happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS
    # What identifiers are made of.
    lookup_value_regex = r"[\w-]+"

    def validate_replay(self, request: Request) -> None:
        self.validated(request)

    def validated(self, request: Request) -> dict[str, Any]:
        """Hold the body to the endpoint's own rules."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data


class OperationView(WhetView, CreateAPIView):
    """A POST: one operation, on what the path names."""

    operation: ClassVar[Callable[..., operations.Body]]
    # What it makes, where that has a page of its own.
    makes: ClassVar[str | None] = None

    def create(self, request: Request, *args: Any, **target: Any) -> Response:
        origin = operations.Origin(self.organization, request_id_of(request))
        body = self.operation(origin, **target, **self.validated(request))
        return Response(body, status=201, headers=self.get_success_headers(body))

    def get_success_headers(self, data: Any) -> dict[str, str]:
        if self.makes is None:
            return {}
        return {"Location": reverse(f"whet:{self.makes}-detail", args=[data[f"{self.makes}_id"]])}


class FromIntent(OperationView):
    operation = staticmethod(operations.pipelines_from_intent)
    serializer_class = serializers.FromIntentSerializer
    makes = "pipeline"


class Draft(OperationView):
    operation = staticmethod(operations.posts_draft)
    serializer_class = serializers.NothingSerializer
    makes = "artifact"


class Publish(OperationView):
    operation = staticmethod(operations.artifacts_publish)
    serializer_class = serializers.NothingSerializer


class Connect(OperationView):
    operation = staticmethod(operations.accounts_connect)
    serializer_class = serializers.ConnectSerializer
    makes = "account"


class Fetch(OperationView):
    idempotency_policy = FETCH_POLICY
    operation = staticmethod(operations.fetch)
    serializer_class = serializers.FetchSerializer
    makes = "artifact"


class Pipelines(WhetView, DestroyModelMixin, ReadOnlyModelViewSet):
    queryset = Pipeline.objects.prefetch_related("posts")
    serializer_class = serializers.PipelineSerializer

    def perform_destroy(self, instance: Pipeline) -> None:
        instance.remove()


class Artifacts(WhetView, ReadOnlyModelViewSet):
    queryset = Artifact.objects.annotate(publication_count=Count("publications"))
    serializer_class = serializers.ArtifactSerializer


class Inbox(WhetView, ListAPIView):
    """The artifacts of one pipeline."""

    queryset = Artifacts.queryset
    serializer_class = serializers.ArtifactSerializer

    def get_queryset(self) -> QuerySet:
        own = Pipeline.objects.filter(organization=self.organization)
        pipeline = get_object_or_404(own, pk=self.kwargs["pipeline_id"])
        return super().get_queryset().filter(post__pipeline=pipeline)


class Accounts(WhetView, ReadOnlyModelViewSet):
    queryset = Account.objects.all()
    serializer_class = serializers.AccountSerializer
