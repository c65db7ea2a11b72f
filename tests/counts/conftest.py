"""A process that counts, and somebody who listens."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from django_idempotency import counts
from django_idempotency.signals import request_answered
from tests.counts.parts import Heard
from tests.rig import Database
from tests.rules.conftest import site as site


@pytest.fixture
def counting(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Count, as outside of a test run; nothing is written before the test asks for it."""
    settings.IDEMPOTENCY = {"COUNTS": True}
    tally = counts.Tally()
    monkeypatch.setattr(counts, "tally", tally)
    yield
    tally.finish()


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    request_answered.connect(heard)
    yield heard
    request_answered.disconnect(heard)
