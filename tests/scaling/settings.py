"""Two databases behind the router of the how-to page."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

import dj_database_url

from tests import settings as tests

# As a module of the project's own.
shards = sys.modules["shards"] = ModuleType("shards")
vars(shards).update(runpy.run_path(str(Path(__file__).parents[2] / "docs/howto/shards.py")))
vars(shards)["SHARDED"].add("app")

SECRET_KEY = tests.SECRET_KEY
ALLOWED_HOSTS = tests.ALLOWED_HOSTS
USE_TZ = tests.USE_TZ
DEFAULT_AUTO_FIELD = tests.DEFAULT_AUTO_FIELD
INSTALLED_APPS = tests.INSTALLED_APPS
TEMPLATES = tests.TEMPLATES
STATIC_URL = tests.STATIC_URL
DATABASES = {**tests.DATABASES, "second": dj_database_url.parse(os.environ["SECOND_DATABASE_URL"])}
DATABASE_ROUTERS = ["shards.ByOrganization"]
MIDDLEWARE = [*tests.MIDDLEWARE, "shards.ShardMiddleware"]
IDEMPOTENCY = {"SCOPE": "shards.organization", "COUNTS": False}
ROOT_URLCONF = "tests.scaling.urls"
