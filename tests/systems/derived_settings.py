"""The settings of a server that serves `derived_urls`."""

from __future__ import annotations

from testproject.settings import *  # noqa: F403

ROOT_URLCONF = "tests.systems.derived_urls"
