"""The settings of a server with the admin of these tests, as strict as one can be about what a page may load."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import MIDDLEWARE as ALL

ROOT_URLCONF = "tests.desk.site"
MIDDLEWARE = ["tests.desk.policy.ContentSecurityPolicy", *ALL]
