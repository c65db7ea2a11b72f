"""The demonstration's Celery app, for workers whose work can be watched, stopped and broken."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import django
from django.http import HttpRequest

from testproject.celery import app
from tests.guarantee.gate import halt

django.setup()

from testproject.thehog import work  # noqa: E402
from testproject.thehog.models import Operation  # noqa: E402

__all__ = ["app"]

perform = work.perform


def watched(operation: Operation) -> dict[str, Any]:
    """Leave a line for each run; then do as the prompt says: stop at a gate, fail, or work."""
    with Path(os.environ["RUNS"]).open("a") as runs:
        runs.write(f"{operation.pk}\n")
    match str(operation.sent.get("prompt", "")).split():
        case ["gate", port]:
            request = HttpRequest()
            request.META["HTTP_X_GATE"] = port
            halt(request)
            return {"attempt": operation.attempt}
        case ["fail"]:
            raise RuntimeError("no words come to mind")
    return perform(operation)


work.perform = watched
