"""The pages as the how-to shows them, light and dark: `SCREENSHOTS=1` puts the pictures anew into the documentation."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from django_idempotency.models import IdempotencyPurge, IdempotencyRecord
from tests.desk.site import ALL, LIST, counted, page
from tests.operate.records import completed, leased
from tests.servers import ROOT

pytestmark = pytest.mark.databases("postgresql")

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
JSON = json.dumps([["Content-Type", "application/json"], ["Location", "/orders/17"]])
BODY = json.dumps({"id": 17, "item": "book", "quantity": 1, "total": {"amount": 1999, "currency": "EUR"}})


def fill() -> IdempotencyRecord:
    """Leave what a night leaves, and return what somebody was woken for."""
    for number in range(6):
        completed(
            f"8e03978e-40d5-43e8-bc93-{number:012}",
            f"organization:{number % 2 + 1}",
            age=number * number * 7 * MINUTE,
            endpoint="POST orders" if number % 3 else "POST refunds",
            response_headers=JSON,
            response_body=BODY.encode(),
        )
    completed(
        "gone-4", "organization:2", age=3 * HOUR, response_body=None, resource_deleted_at=timezone.now()
    )
    completed("last-week", "organization:1", age=30 * HOUR)
    leased("stainless-python-retry-77", "organization:2", left=MINUTE, endpoint="POST charges")
    counted()
    began = timezone.now() - 17 * MINUTE
    IdempotencyPurge.objects.create(began_at=began, ended_at=began + MINUTE, expired=48_211, tombstones=3)
    return leased(
        "order-4711",
        "organization:1",
        left=-HOUR,
        attempt=2,
        endpoint="POST charges",
        created_at=timezone.now() - 63 * MINUTE,
        expires_at=timezone.now() + 23 * HOUR,
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pictures(opened: Callable[..., Page], tmp_path: Path, scheme: str) -> None:
    """REQ 26: list, record, confirmation and stored response can be looked at, in either theme."""
    folder = ROOT / "docs/_static/admin" if os.environ.get("SCREENSHOTS") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    lost = fill()
    answered = IdempotencyRecord.objects.filter(state="completed", response_body__isnull=False).latest(
        "created_at"
    )
    browser = opened(*ALL, color_scheme=scheme, viewport={"width": 1280, "height": 800})
    browser.get_by_role("button", name="Toggle navigation").click()
    for name, address in (
        ("list", LIST),
        ("record", page(lost)),
        ("confirm", f"{LIST}act/resolve/?id={lost.pk}"),
        ("response", page(answered, "response")),
    ):
        browser.goto(address)
        browser.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        assert (folder / f"{name}-{scheme}.png").stat().st_size > 10_000
