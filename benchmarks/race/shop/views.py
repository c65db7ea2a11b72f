"""The view, as DRF's tutorial writes one: parse, validate, insert, render."""

from __future__ import annotations

import os
import signal
from typing import Any

from django.contrib.auth.models import User
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import CreateAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import ModelSerializer

from benchmarks.race.shop.models import Payment

# With this header the process dies right after the handler's work, whether or not that is committed by then.
DIE = "X-Die"
USER = User(pk=1, username="caller")


class Known(BaseAuthentication):
    """Who calls is known without a query: some contestants keep a key to its caller."""

    def authenticate(self, request: Request) -> tuple[User, None]:
        return USER, None


class PaymentSerializer(ModelSerializer[Payment]):
    class Meta:
        model = Payment
        fields = ("id", "reference", "amount")


class Create(CreateAPIView[Payment]):
    authentication_classes = (Known,)
    serializer_class = PaymentSerializer
    queryset = Payment.objects.all()

    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response = super().post(request, *args, **kwargs)
        if DIE in request.headers:
            os.kill(os.getpid(), signal.SIGKILL)
        return response
