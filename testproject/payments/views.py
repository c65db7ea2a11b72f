"""The endpoints of Payments. ``PaymentsView`` is what makes their POSTs idempotent; the rest is plain DRF."""

from typing import Any

from rest_framework.mixins import CreateModelMixin, ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from django_idempotency import harmless
from django_idempotency.mixins import IdempotencyMixin
from testproject.payments import client
from testproject.payments.models import Charge, Transfer
from testproject.payments.policy import ERRORS, POLICY, TRANSFERS
from testproject.payments.serializers import ChargeSerializer, TransferSerializer
from testproject.systems.views import OwnedView, SystemView


class PaymentsView(IdempotencyMixin, SystemView):
    """Every POST happens once, as the policy says."""

    idempotency_policy = POLICY
    errors = ERRORS


class Payments(PaymentsView, OwnedView, CreateModelMixin, ListModelMixin, RetrieveModelMixin, GenericViewSet):
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        # Nothing is asked of the provider in here, so a refusal leaves nothing to find out about.
        with harmless():
            serializer.is_valid(raise_exception=True)
        self.perform_create(serializer)
        return Response(serializer.data, status=201, headers=self.get_success_headers(serializer.data))


class Charges(Payments):
    queryset = Charge._default_manager.all()
    serializer_class = ChargeSerializer


class Transfers(Payments):
    idempotency_policy = TRANSFERS
    queryset = Transfer._default_manager.all()
    serializer_class = TransferSerializer


class Provider(PaymentsView):
    """What the provider says of itself, for whoever wants to compare."""

    def get(self, request: Request) -> Response:
        return Response({"count": client.count(self.organization.slug)})
