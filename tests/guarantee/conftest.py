"""What the tests of the guarantee share."""

from __future__ import annotations

import pytest

from tests.rig import Database


@pytest.fixture(params=[False, True], ids=["autocommit", "atomic requests"])
def atomic_requests(request: pytest.FixtureRequest, database: Database) -> bool:
    """Both ways in which a project runs its views: without a transaction, and each in one."""
    database.reconfigure(ATOMIC_REQUESTS=request.param)
    return bool(request.param)
