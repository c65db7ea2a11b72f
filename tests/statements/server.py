"""What the servers of these tests serve: a handler behind every kind of guard, and a fault where a request asks for it."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse
from django.urls import path, resolve
from django.views.decorators.csrf import csrf_exempt

from django_idempotency import Finding, Unknown, bind, downstream_key, extend
from django_idempotency.decorators import idempotent
from django_idempotency.identity import Identity
from django_idempotency.models import IdempotencyRecord
from django_idempotency.recent import UNREAD, recent
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.faults.server import ATOMIC, CONTENT_TYPE, POLICIES, happen_outside
from tests.statements.faults import Fault, suffer
from tests.statements.watch import Send, through, watching

# For `serve`; the application has these URLs.
APP = "tests.statements.wsgi:application"
# Headers: the faults that are to happen, and the file that is told of each statement.
FAULTS = "X-Faults"
JOURNAL = "X-Journal"
# And another, with any value: let the process take the key for one that it has answered lately. Else it knows none.
RECENT = "X-Recent"

# What whoever finds out that a request was carried out lets its key be answered with.
FOUND = b"found out"


def found() -> HttpResponse:
    return HttpResponse(FOUND, status=201, content_type=CONTENT_TYPE)


def reconcile(record: IdempotencyRecord) -> HttpResponse | Finding:
    """Look at the world."""
    return found() if f"{record.key} " in Path(os.environ["OUTSIDE"]).read_text() else Finding.NOT_DONE


GUARDS = {
    "atomic": ATOMIC,
    "stored": ATOMIC.but(stored_errors=frozenset({402})),
    "fail": POLICIES["fail"],
    "retry": POLICIES["retry"],
    "reconcile": POLICIES["fail"].but(on_unknown=Unknown.RECONCILE, reconcile=reconcile),
}


class _Thread(threading.local):
    handling = False


_thread = _Thread()


@contextmanager
def handling() -> Iterator[None]:
    """The time in which a statement is the handler's own."""
    _thread.handling = True
    try:
        yield
    finally:
        _thread.handling = False


def charge(request: HttpRequest) -> HttpResponse:
    """Leave both effects, and answer with the status that the body asks for. No two executions answer alike."""
    said = json.loads(request.body)
    with handling():
        key = request.headers["Idempotency-Key"]
        effect = Effect.objects.create(label=key, amount=said["amount"])
        if said["bound"]:
            extend()
            bind(effect)
        if said["status"] == 201:
            happen_outside(f"{key} {downstream_key()}\n")
        answer = {"id": effect.pk, "by": os.getpid(), "token": secrets.token_hex(8)}
    return HttpResponse(json.dumps(answer), status=said["status"], content_type=CONTENT_TYPE)


class Journal:
    """
    Writes down each statement of a request, and lets the faults happen.

    Every line is on the disk before anything else happens, so that it outlives the process.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.path = Path(request.headers[JOURNAL])
        self.faults = {fault.position: fault for fault in map(Fault.parse, request.headers[FAULTS].split())}
        self.position = 0

    def __call__(self, connection: BaseDatabaseWrapper, text: str, send: Send) -> Any:
        fault = self.faults.get(self.position)
        self.position += 1
        line = {"text": text, "fault": fault and str(fault), "handling": _thread.handling}
        with self.path.open("ab", buffering=0) as file:
            file.write(json.dumps(line).encode() + b"\n")
        return suffer(fault, connection, send) if fault else send()


def journaled(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def serve(request: HttpRequest) -> HttpResponse:
        if JOURNAL not in request.headers:
            return view(request)
        # So that every request opens its session, and what that takes is hurt as well.
        connections["default"].close()
        del connections["default"]
        recent.forget()
        if RECENT in request.headers:
            route = resolve(request.path).view_name
            key = request.headers["Idempotency-Key"]
            recent.note(Identity.of(everyone(request), f"POST {route}", key).digest, UNREAD)
        with watching(), through(Journal(request)):
            return view(request)

    return csrf_exempt(serve)


urlpatterns = [
    path(f"{name}/", journaled(idempotent(policy)(charge)), name=name) for name, policy in GUARDS.items()
]
