"""The demonstration's settings, for a worker and a beat that share the operator's schedule."""

from __future__ import annotations

from tests.systems.thehog_settings import *  # noqa: F403

# How soon the beat looks for changes of its schedule; five seconds by default.
CELERY_BEAT_MAX_LOOP_INTERVAL = 0.5
# Nothing but what the operator has scheduled.
CELERY_BEAT_SCHEDULE = {}
