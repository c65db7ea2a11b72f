"""What the server of the storm serves: handlers that write down, outside of the database, how far they have come."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import IdempotencyPolicy, Mode, Unknown, downstream_key, extend
from django_idempotency.decorators import idempotent
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.faults.server import happen_outside
from tests.faults.storm.plan import LEASE

# For `serve`; the application has these URLs.
APP = "tests.faults.storm.wsgi:application"
# Name an attempt, and make the handler raise.
REQUEST, RAISE = "X-Request", "X-Raise"
WAIT = 0.4

ATOMIC = IdempotencyPolicy(scope=everyone, required=True)
FAIL = ATOMIC.but(mode=Mode.LEASED, lease=timedelta(seconds=LEASE))
POLICIES = {"atomic": ATOMIC, "fail": FAIL, "retry": FAIL.but(on_unknown=Unknown.RETRY)}
POLICIES |= {f"{name}-waits": policy.but(in_flight_wait=WAIT) for name, policy in POLICIES.items()}

# Its number, and the port that its client has: a wire knows it by that.
SESSION = {
    "postgresql": "SELECT pg_backend_pid(), inet_client_port()",
    "mysql": "SELECT id, substring_index(host, ':', -1) FROM information_schema.processlist WHERE id = connection_id()",
}


class Raised(Exception):
    """Raised by the handler, as the request wants it."""


def charge(request: HttpRequest) -> HttpResponse:
    """Leave an effect in the database and one outside. No two executions answer alike."""
    said = json.loads(request.body)
    key, run = request.headers["Idempotency-Key"], uuid4().hex
    with connection.cursor() as cursor:
        cursor.execute(SESSION[connection.vendor])
        session, port = (int(number or 0) for number in cursor.fetchone())  # a local socket has no port
    who = {"request": request.headers[REQUEST], "pid": os.getpid(), "session": session, "port": port}
    tell("begun", run, key=key, downstream=downstream_key(), **who)
    effect = Effect.objects.create(label=f"{key} {run}")
    time.sleep(said["before"])
    if said["extends"]:
        extend()
    if RAISE in request.headers:
        tell("raised", run)
        raise Raised
    tell("outside", run)
    time.sleep(said["after"])
    return JsonResponse({"id": effect.pk, "run": run}, status=201)


def tell(what: str, of: str, **more: Any) -> None:
    """Write a line that nothing takes back. All processes of a machine have the same monotonic clock."""
    happen_outside(json.dumps({"what": what, "of": of, "at": time.monotonic(), **more}) + "\n")


def telling(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Tell also of the end of a request, in whatever way it ends but the death of its process."""

    def tell_of(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        finally:
            tell("over", request.headers[REQUEST])

    return csrf_exempt(tell_of)


urlpatterns = [
    path(f"{name}/", telling(idempotent(policy)(charge)), name=name) for name, policy in POLICIES.items()
]
