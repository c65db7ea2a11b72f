"""What the servers of these tests serve: the package around a handler that can be stopped anywhere."""

from __future__ import annotations

import json
import os
import secrets
from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.guarantee.gate import halt
from tests.guarantee.moments import after_the_store, before_the_store

# For `serve`; the application has these URLs.
APP = "tests.guarantee.wsgi:application"
REFUSES = IdempotencyPolicy(scope=everyone, required=True)
WAITS = REFUSES.but(in_flight_wait=30.0)
GIVES_UP = REFUSES.but(in_flight_wait=0.3, retry_after=2)


def pay(request: HttpRequest) -> HttpResponse:
    """Leave one effect, and stop wherever the header X-Halt says. No two executions answer alike."""
    data: dict[str, Any] = json.loads(request.body)
    effect = Effect.objects.create(label=data["label"], amount=data.get("amount", 0))
    answer = {"id": effect.pk, "by": os.getpid(), "token": secrets.token_hex(8)}
    response = HttpResponse(json.dumps(answer), status=201, content_type="application/vnd.effect+json; v=1")
    stop = partial(halt, request, body=response.content.decode())
    match request.headers.get("X-Halt", "mid-handler"):
        case "mid-handler":
            stop()
        case "before the store":
            before_the_store(stop)
        case "after the store":
            after_the_store(stop)
        case "after the commit":
            transaction.on_commit(stop)
    return response


urlpatterns = [
    path(f"{name}/", csrf_exempt(idempotent(policy)(pay)), name=name)
    for name, policy in {"refuses": REFUSES, "waits": WAITS, "gives-up": GIVES_UP}.items()
]
