"""Settings of servers and workers that count."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.systems import folder_broker  # noqa: F401 - makes its scheme known to Kombu

IDEMPOTENCY = {"COUNTS": True}
ROOT_URLCONF = "tests.counts.server"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL")
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ.get("BROKER_OPTIONS", "{}"))
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
