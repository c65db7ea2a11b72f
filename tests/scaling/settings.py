"""Two databases behind the router of the how-to page."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import dj_database_url

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, MIDDLEWARE

# As a module of the project's own.
shards = sys.modules["shards"] = ModuleType("shards")
vars(shards).update(runpy.run_path(str(Path(__file__).parents[2] / "docs/howto/shards.py")))
vars(shards)["SHARDED"].add("app")

DATABASES["second"] = dj_database_url.parse(os.environ["SECOND_DATABASE_URL"])
DATABASE_ROUTERS = ["shards.ByOrganization"]
MIDDLEWARE = [*MIDDLEWARE, "shards.ShardMiddleware"]
IDEMPOTENCY: dict[str, Any] = {"SCOPE": "shards.organization", "COUNTS": False}
ROOT_URLCONF = "tests.scaling.urls"
