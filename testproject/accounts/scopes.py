"""Who shares an idempotency key with whom."""

from django.http import HttpRequest
from rest_framework.request import Request

from testproject.accounts.models import ApiKey, Organization


def organization(request: HttpRequest | Request) -> str | None:
    """All keys of one organization share: a retry may come from another of its servers."""
    caller = getattr(request, "user", None)
    return f"organization:{caller.slug}" if isinstance(caller, Organization) else None


def organization_of(scope: str) -> Organization:
    """Tell which organization a scope of `organization` stands for."""
    return Organization.objects.get(slug=scope.removeprefix("organization:"))


def api_key(request: HttpRequest | Request) -> str | None:
    """Each API key is on its own."""
    presented = getattr(request, "auth", None)
    return f"api-key:{presented.pk}" if isinstance(presented, ApiKey) else None
