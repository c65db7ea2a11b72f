"""A Celery app of guarded tasks, each of which leaves one effect and may be stopped on its way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django
from celery import Celery
from django.db import connection
from django.http import HttpRequest

from tests.guarantee.gate import HEADER, halt

app = Celery("tests")
app.config_from_object("django.conf:settings", namespace="CELERY")
django.setup()

from django_idempotency import IdempotencyPolicy, Mode, Unknown, downstream_key, harmless  # noqa: E402
from django_idempotency.contrib.celery import idempotent_task  # noqa: E402
from tests.app.models import Effect  # noqa: E402
from tests.guarantee.moments import session  # noqa: E402

LEASED = IdempotencyPolicy(mode=Mode.LEASED, lease=timedelta(seconds=2))
DELIVERED: Any = {"bind": True, "acks_late": True, "reject_on_worker_lost": True}


def leave(label: str, gate: str | None) -> dict[str, Any]:
    """Write, then stop at a gate of the test's, if it names one."""
    effect = Effect.objects.create(label=label)
    request = HttpRequest()
    if gate is not None:
        request.META[f"HTTP_{HEADER.upper().replace('-', '_')}"] = gate
    # SQLite has no sessions that anybody could end.
    own = None if connection.vendor == "sqlite" else session()
    halt(request, downstream_key=downstream_key(), session=own)
    return {"id": effect.pk}


@app.task(**DELIVERED)
@idempotent_task(key=lambda order: order)
def invoice(self: Any, order: str, gate: str | None = None, *, amount: int = 1) -> dict[str, Any]:
    return leave(order, gate)


@app.task(**DELIVERED)
@idempotent_task
def by_message(self: Any, label: str) -> dict[str, Any]:
    return leave(label, None)


@app.task(acks_late=True)
@idempotent_task(scope="unbound")
def unbound(label: str) -> dict[str, Any]:
    return leave(label, None)


@app.task(**DELIVERED)
@idempotent_task
def retrying(self: Any, label: str, times: int) -> int:
    """Give up so many times, after writing."""
    leave(label, None)
    if self.request.retries < times:
        raise self.retry(countdown=0)
    return int(self.request.retries)


@app.task(**DELIVERED)
@idempotent_task(LEASED.but(on_unknown=Unknown.RETRY), key=lambda order: order)
def charge(self: Any, order: str, gate: str | None = None) -> dict[str, Any]:
    return leave(order, gate)


@app.task(**DELIVERED)
@idempotent_task(LEASED, key=lambda order: order)
def charge_once(self: Any, order: str, gate: str | None = None) -> dict[str, Any]:
    if gate is None and not self.request.retries:
        with harmless():
            raise self.retry(countdown=0)
    return leave(order, gate)
