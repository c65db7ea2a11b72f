"""A Celery app as projects have it, whose task sends a guarded request."""

from __future__ import annotations

from celery import Celery
from django.test import Client

app = Celery("tests.counts")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.task(name="pay")
def pay(key: str) -> None:
    Client().post("/pay/", headers={"Idempotency-Key": key})
