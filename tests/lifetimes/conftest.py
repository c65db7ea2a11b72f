"""What the tests of lifetimes share."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import connection

from tests.rig import HANDLER, Database

# As a database with ON DELETE CASCADE makes it; Django 6.1 calls that DB_CASCADE.
ENTRIES = """
    CREATE TABLE app_entry (
        id {id} PRIMARY KEY,
        effect_id bigint NOT NULL REFERENCES app_effect (id) ON DELETE CASCADE
    )"""
IDS = {"postgresql": "bigserial", "mysql": "bigint AUTO_INCREMENT", "sqlite": "integer"}


@pytest.fixture
def entries(database: Database) -> Iterator[None]:
    """A table whose rows go with the effects that they belong to, without a word to Django."""
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES.format(id=IDS[database.vendor]))
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE app_entry")


@pytest.fixture
def archive(database: Database) -> Iterator[str]:
    """A second alias, for objects that are not where the records are."""
    HANDLER.settings["archive"] = deepcopy(HANDLER.settings["default"])
    yield "archive"
    del HANDLER.settings["archive"]
