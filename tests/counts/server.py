"""What the servers of these tests serve: an endpoint that is counted, and written as soon as the environment says."""

from __future__ import annotations

import os

from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import counts
from django_idempotency.decorators import idempotent
from tests.docs.pages import page
from tests.rules.parts import OPEN, insert

counts.EVERY = float(os.environ["EVERY"])

urlpatterns = [
    path("pay/", csrf_exempt(idempotent(OPEN)(insert)), name="pay"),
    path("metrics", page("docs/howto/watch-it.md").python()["metrics"]),
]
