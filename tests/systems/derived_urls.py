"""One endpoint, three times: a key may be left out, and the server does with that what its policy says."""

from __future__ import annotations

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import path
from rest_framework.generics import ListCreateAPIView
from rest_framework.request import Request

from django_idempotency import Derived, Header, IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from testproject.firsthand.models import WebhookEndpoint
from testproject.firsthand.policy import POLICY
from testproject.firsthand.serializers import WebhookEndpointSerializer
from testproject.systems.views import OwnedView

KEY = Header("Idempotency-Key")


def url(request: Request) -> str | None:
    return request.data.get("url") if isinstance(request.data, dict) else None


POLICIES = {
    "derives": POLICY.but(required=False, keys=(KEY, Derived(url, marked=False))),
    # A client that sent no key is told of replays all the same.
    "marks": POLICY.but(required=False, keys=(KEY, Derived(url))),
    # Each request without a key is a new one.
    "forgets": POLICY.but(required=False),
}


class Fetches(IdempotencyMixin, OwnedView, ListCreateAPIView):
    serializer_class = WebhookEndpointSerializer


def fetches(name: str, policy: IdempotencyPolicy) -> Callable[..., HttpResponseBase]:
    mine = WebhookEndpoint.objects.filter(url__startswith=f"https://example.com/{name}/")
    return Fetches.as_view(queryset=mine, idempotency_policy=policy)


urlpatterns = [path(f"{name}/fetches", fetches(name, policy)) for name, policy in POLICIES.items()]
