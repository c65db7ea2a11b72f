"""The application of these tests, for a server; its clock may be wrong."""

from __future__ import annotations

import os
import time
from datetime import timedelta

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.utils import timezone

settings.ROOT_URLCONF = "tests.faults.server"


def be_off_by(skew: float) -> None:
    """Let this process believe that it is so many seconds later, before anything has asked for the time."""
    real, real_ns, now = time.time, time.time_ns, timezone.now
    time.time = lambda: real() + skew
    time.time_ns = lambda: real_ns() + int(skew * 10**9)
    timezone.now = lambda: now() + timedelta(seconds=skew)


be_off_by(float(os.environ.get("CLOCK_SKEW", "0")))

application = get_wsgi_application()
