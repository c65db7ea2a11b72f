"""The settings of a server that serves `async_views`."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faces.async_views"
