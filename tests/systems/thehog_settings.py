"""The demonstration's settings, for processes that meet at a broker of one test run."""

from __future__ import annotations

import json
import os

from testproject.settings import *  # noqa: F403
from testproject.settings import CELERY_BEAT_SCHEDULE, CELERY_BROKER_TRANSPORT_OPTIONS
from tests.systems import folder_broker  # noqa: F401 - makes its scheme known to Kombu

CELERY_BROKER_TRANSPORT_OPTIONS = {
    **CELERY_BROKER_TRANSPORT_OPTIONS,
    **json.loads(os.environ.get("BROKER_OPTIONS", "{}")),
}
# Nobody talks to these workers but through tasks.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE = {"thehog-sweep": {**CELERY_BEAT_SCHEDULE["thehog-sweep"], "schedule": 0.2}}
