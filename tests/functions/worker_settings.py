"""The settings of the worker, which meets the tests at a broker of their own."""

from __future__ import annotations

import json
import os

from tests.settings import *  # noqa: F403
from tests.systems import folder_broker  # noqa: F401 - makes its scheme known to Kombu

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "")
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ.get("BROKER_OPTIONS", "{}"))
# Nobody talks to this worker but through tasks.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# What one process holds unbegun, another one cannot take up.
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
