"""The demonstration's settings, for a server whose payments can be stopped anywhere."""

from __future__ import annotations

from testproject.settings import *  # noqa: F403
from testproject.settings import MIDDLEWARE

MIDDLEWARE = [*MIDDLEWARE, "tests.systems.payments_halts.HaltMiddleware"]
