"""What the servers of these tests serve: a handler with two effects, one that a rollback undoes and one that none does."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import IdempotencyPolicy, Mode, Problem, Unknown, downstream_key
from django_idempotency.decorators import idempotent
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.guarantee.gate import halt
from tests.guarantee.moments import after_the_store, before_the_store, session

# For `serve`; the application has these URLs.
APP = "tests.faults.wsgi:application"
CONTENT_TYPE = "application/vnd.charge+json; v=1"


def terse(problem: Problem, request: Any) -> HttpResponse:
    return HttpResponse(f"{problem.status} {problem.code}", status=problem.status, content_type="text/plain")


ATOMIC = IdempotencyPolicy(scope=everyone, required=True)
# No test waits for the end of a lease that long: it moves the row, or takes a brief one.
FAIL = ATOMIC.but(mode=Mode.LEASED, lease=timedelta(minutes=10))
RETRY = FAIL.but(on_unknown=Unknown.RETRY)
POLICIES = {"atomic": ATOMIC, "fail": FAIL, "retry": RETRY}
for _name, _policy in tuple(POLICIES.items()):
    POLICIES[f"{_name}-waits"] = _policy.but(in_flight_wait=30.0)
    POLICIES[f"{_name}-gives-up"] = _policy.but(in_flight_wait=0.3, retry_after=2)
    POLICIES[f"{_name}-terse"] = _policy.but(renderer=terse, retry_after=7)
    if _policy.mode is Mode.LEASED:
        POLICIES[f"{_name}-brief"] = _policy.but(lease=timedelta(seconds=1.5))


def charge(request: HttpRequest) -> HttpResponse:
    """Leave both effects, and stop wherever the header X-Halt says. No two executions answer alike."""
    key = request.headers["Idempotency-Key"]
    effect = Effect.objects.create(label=key, amount=json.loads(request.body)["amount"])
    happen_outside(f"{key} {downstream_key()}\n")
    answer = {"id": effect.pk, "by": os.getpid(), "token": secrets.token_hex(8)}
    response = HttpResponse(json.dumps(answer), status=201, content_type=CONTENT_TYPE)
    told: dict[str, Any] = {"body": response.content.decode()}
    if connection.vendor != "sqlite":
        told["session"] = session()
    stop = partial(halt, request, **told)
    match request.headers.get("X-Halt"):
        case "mid-handler":
            stop()
        case "before the store":
            before_the_store(stop)
        case "after the store":
            after_the_store(stop)
        case "after the commit":
            transaction.on_commit(stop)
        case "mid-statement":
            stop()
            Effect.objects.select_for_update().get(label=request.headers["X-Locked"])
    return response


def order(request: HttpRequest) -> HttpResponse:
    """Leave a row that says what is to be done, and enqueue it after COMMIT; the outside is the queue here."""
    key = request.headers["Idempotency-Key"]
    job = Effect.objects.create(label=key)
    answer = json.dumps({"job": job.pk, "token": secrets.token_hex(8)})
    if request.headers.get("X-Halt") == "after the commit":
        transaction.on_commit(partial(halt, request, body=answer))
    transaction.on_commit(partial(happen_outside, f"{key} {job.pk}\n"))
    return HttpResponse(answer, status=202, content_type=CONTENT_TYPE)


def happen_outside(line: str) -> None:
    """Be done, whatever becomes of the transaction and of this process."""
    with open(os.environ["OUTSIDE"], "ab", buffering=0) as world:
        world.write(line.encode())


def stopping_before(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Stop where nothing has been asked of the database yet."""

    def stop(request: HttpRequest) -> HttpResponse:
        if request.headers.get("X-Halt") == "before the claim":
            halt(request)
        return view(request)

    return csrf_exempt(stop)


urlpatterns = [
    *(
        path(f"{name}/", stopping_before(idempotent(policy)(charge)), name=name)
        for name, policy in POLICIES.items()
    ),
    *(
        path(f"{name}-orders/", csrf_exempt(idempotent(POLICIES[name])(order)), name=f"{name}-orders")
        for name in ("atomic", "fail", "retry")
    ),
]
