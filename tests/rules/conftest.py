"""A site of one endpoint, whichever view and policy a test wants there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import path
from pytest_django.fixtures import Settings
from rest_framework.decorators import api_view

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from tests.rules.parts import OPEN, Site, View, insert

METHODS = ["POST", "PATCH", "PUT", "DELETE"]


@pytest.fixture
def site(settings: Settings) -> Site:
    """Serve one view, guarded by a policy (None: bare), at every path; the client shows a 500 as a 500."""

    def serve(
        policy: IdempotencyPolicy | None = OPEN, view: View = insert, *, drf: bool = False, **hooks: Any
    ) -> Client:
        guarded = view if policy is None else idempotent(policy, **hooks)(view)
        guarded = api_view(METHODS)(guarded) if drf else guarded
        settings.ROOT_URLCONF = (path("", guarded), path("<path:rest>", guarded, name="endpoint"))
        return Client(raise_request_exception=False)

    return serve
