"""What stands around a guard and spoils it, for it runs with each replay."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import count
from typing import Any
from uuid import uuid4

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse

from django_idempotency import IdempotencyPolicy
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Tag
from tests.testing.desk import POLICY, make

View = Callable[..., Any]
calls: list[str] = []
numbers: Iterator[int] = count()


def around(change: Callable[[HttpRequest, HttpResponse], object], policy: IdempotencyPolicy = POLICY) -> View:
    """A guarded view with something around its guard that runs each time."""
    guarded = idempotent(policy)(make)

    @wraps(guarded)
    def view(request: HttpRequest) -> Any:
        response = guarded(request)
        return change(request, response) or response

    return view


def is_replay(response: HttpResponse) -> bool:
    return "Idempotent-Replayed" in response.headers


def audit(request: HttpRequest, response: HttpResponse) -> None:
    Tag.objects.create(name=str(uuid4()))


def audit_others(request: HttpRequest, response: HttpResponse) -> None:
    """Only what is refused leaves a line."""
    if response.status_code == 422 or response.status_code == 400:
        audit(request, response)


def audit_elsewhere(request: HttpRequest, response: HttpResponse) -> None:
    Tag.objects.using("elsewhere").create(name=str(uuid4()))


def register(request: HttpRequest, response: HttpResponse) -> None:
    transaction.on_commit(forget)


def forget() -> None:
    """Nothing to do."""


def mail(request: HttpRequest, response: HttpResponse) -> None:
    send_mail("Thank you again", "", None, ["ann@example.com"])


def count_call(request: HttpRequest, response: HttpResponse) -> None:
    calls.append("call")


def wrong_status(request: HttpRequest, response: HttpResponse) -> None:
    response.status_code = 200 if is_replay(response) else 201


def wrong_body(request: HttpRequest, response: HttpResponse) -> None:
    response.content = json.dumps({"at": next(numbers)})


def wrong_type(request: HttpRequest, response: HttpResponse) -> None:
    if is_replay(response):
        response.headers["Content-Type"] = "text/plain"


def wrong_location(request: HttpRequest, response: HttpResponse) -> None:
    response.headers["Location"] = f"/{next(numbers)}/"


def unmark(request: HttpRequest, response: HttpResponse) -> None:
    response.headers.pop("Idempotent-Replayed", None)


def mark(request: HttpRequest, response: HttpResponse) -> None:
    response.headers["Idempotent-Replayed"] = "true"


def drop_records(request: HttpRequest, response: HttpResponse) -> None:
    IdempotencyRecord.objects.all().delete()


def touch_records(request: HttpRequest, response: HttpResponse) -> None:
    IdempotencyRecord.objects.update(attempt=F("attempt") + 1)


def touch_records_of_others(request: HttpRequest, response: HttpResponse) -> None:
    if request.headers.get("X-Caller") == "bob":
        touch_records(request, response)


def copy_record(request: HttpRequest, response: HttpResponse) -> None:
    record = IdempotencyRecord.objects.all()[0]
    record.pk, record.endpoint = uuid4().hex, "POST other"
    record.save(force_insert=True)


def everything(request: HttpRequest, response: HttpResponse) -> None:
    for change in (wrong_status, wrong_type, audit, mail):
        change(request, response)
