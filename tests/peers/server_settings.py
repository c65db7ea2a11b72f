"""The settings of a server that serves `server_views`."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.peers.server_views"
