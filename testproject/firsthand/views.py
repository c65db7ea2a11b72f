"""FirstHand's endpoints. ``FirstHandView`` is what makes their POSTs idempotent; the rest is plain DRF."""

from typing import Any

from django.utils.decorators import method_decorator
from rest_framework.decorators import action
from rest_framework.generics import CreateAPIView
from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ModelViewSet

from django_idempotency.decorators import idempotency_exempt
from django_idempotency.mixins import IdempotencyMixin
from testproject.accounts.models import Balance
from testproject.firsthand.models import SYSTEM, IssuedKey, Job, Purchase, WebhookEndpoint
from testproject.firsthand.policy import ERRORS, POLICY
from testproject.firsthand.serializers import (
    IssuedKeySerializer,
    JobSerializer,
    PurchaseSerializer,
    RatingSerializer,
    WebhookEndpointSerializer,
)
from testproject.systems.request_ids import request_id_of
from testproject.systems.serializers import NoFieldsSerializer
from testproject.systems.views import OwnedView, SystemView


class FirstHandView(IdempotencyMixin, SystemView):
    """Every POST happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS


# A job is set to what the request says, however often it is said.
@method_decorator(idempotency_exempt, name="partial_update")
class Jobs(FirstHandView, OwnedView, ModelViewSet):
    # Whatever is there: a key that comes back with another path is told so, and not that there is no such path.
    lookup_value_regex = "[^/]+"
    queryset = Job.objects.all()
    serializer_class = JobSerializer
    http_method_names = ("get", "head", "options", "post", "patch", "delete")

    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        NoFieldsSerializer(data=request.data).is_valid(raise_exception=True)
        job = self.get_object()
        job.cancel()
        return Response(self.acted_on(job))

    @action(detail=True, methods=["post"])
    def rate(self, request: Request, pk: str) -> Response:
        rating = RatingSerializer(data=request.data)
        rating.is_valid(raise_exception=True)
        job = self.get_object()
        job.rate(rating.validated_data["rating"])
        return Response(self.acted_on(job) | rating.validated_data, status=201)

    def acted_on(self, job: Job) -> dict[str, Any]:
        """Show a job as the answer to an action: under the action's own request id."""
        return {**self.get_serializer(job).data, "request_id": request_id_of(self.request)}


class Keys(FirstHandView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    queryset = IssuedKey.objects.all()
    serializer_class = IssuedKeySerializer


class WebhookEndpoints(
    FirstHandView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet
):
    queryset = WebhookEndpoint.objects.all()
    serializer_class = WebhookEndpointSerializer


class Purchases(FirstHandView, OwnedView, CreateAPIView):
    queryset = Purchase.objects.all()
    serializer_class = PurchaseSerializer

    def get_success_headers(self, data: Any) -> dict[str, str]:
        # A purchase has no page of its own.
        return {}


class Billing(FirstHandView):
    def get(self, request: Request) -> Response:
        return Response({"balance": Balance.objects.of(self.organization, SYSTEM)})
