"""What mypy takes for the settings: the apps of the tests, the demonstration and the benchmarks, so that it knows all models."""

from __future__ import annotations

from testproject import settings as demonstration
from tests import settings as tests

BASE_DIR = demonstration.BASE_DIR
DATABASES = tests.DATABASES
DEFAULT_AUTO_FIELD = tests.DEFAULT_AUTO_FIELD
INSTALLED_APPS = list(
    dict.fromkeys([*demonstration.INSTALLED_APPS, *tests.INSTALLED_APPS, "benchmarks.race.shop"])
)
SECRET_KEY = tests.SECRET_KEY
PAYMENTS = demonstration.PAYMENTS
THEHOG = demonstration.THEHOG
USE_TZ = tests.USE_TZ
