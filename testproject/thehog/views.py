"""The Hog's endpoints. ``TheHogView`` is what makes their POSTs idempotent; the rest is plain DRF."""

from typing import Any

from rest_framework.generics import CreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from django_idempotency.mixins import IdempotencyMixin
from testproject.accounts.models import Balance
from testproject.systems.views import OwnedView, SystemView
from testproject.thehog.jobs import SYSTEM
from testproject.thehog.models import Operation
from testproject.thehog.policy import ERRORS, POLICY
from testproject.thehog.serializers import (
    DeepResearchSerializer,
    EnrichSerializer,
    GenerateSerializer,
    OperationSerializer,
)


class TheHogView(IdempotencyMixin, SystemView):
    """Every POST with a key happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS


class Accepting(TheHogView, OwnedView, CreateAPIView):
    """Takes jobs of one type, to be done later."""

    queryset = Operation.objects.all()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().create(request, *args, **kwargs)
        response.status_code = 202
        return response

    def get_success_headers(self, data: Any) -> dict[str, str]:
        return {"Location": data["pollUrl"]}


class Enrich(Accepting):
    serializer_class = EnrichSerializer


class Generate(Accepting):
    serializer_class = GenerateSerializer


class DeepResearch(Accepting):
    serializer_class = DeepResearchSerializer


class Operations(TheHogView, OwnedView, ReadOnlyModelViewSet):
    queryset = Operation.objects.all()
    serializer_class = OperationSerializer


class Credits(TheHogView):
    def get(self, request: Request) -> Response:
        return Response({"credits": Balance.objects.of(self.organization, SYSTEM)})
