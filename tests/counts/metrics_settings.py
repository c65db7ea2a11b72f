"""Settings of servers whose requests are measured."""

from __future__ import annotations

from tests.counts.settings import *  # noqa: F403
from tests.counts.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_idempotency.contrib.prometheus"]
