"""
The row "crash mid-handler", for a process that dies while the database works for it.

The statement waits for a lock that the test holds, so it goes on for exactly as long as the test wants.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from tests.app.models import Effect
from tests.faults.desk import (
    AT_ONCE,
    Client,
    Site,
    assert_in_progress,
    assert_ran,
    assert_unknown,
    wait_for,
)
from tests.faults.held import held
from tests.guarantee.clients import assert_replay
from tests.rig import Database

# On SQLite a statement runs in the process itself, and dies with it.
pytestmark = pytest.mark.databases("postgresql", "mariadb")


@contextmanager
def killed_in_a_statement(database: Database, client: Client) -> Iterator[None]:
    """A process that is dead, while its statement goes on until the block is left; then the server has ended it."""
    locked = Effect.objects.create(label=uuid4().hex)
    with database.connect().cursor() as other:
        other.execute("BEGIN")
        other.execute("UPDATE app_effect SET amount = 7 WHERE id = %s", [locked.pk])
        try:
            with held(client, "mid-statement", {"X-Locked": locked.label}) as lost:
                lost.let_go()
                wait_for(lambda: lost.in_a_statement)
                lost.kill()
                yield
                assert lost.in_a_statement
        finally:
            other.execute("ROLLBACK")
    wait_for(lambda: not lost.has_session)


def test_in_mode_atomic(database: Database, site: Site) -> None:
    """Row, atomic: in progress until the server has ended the statement, however dead the process; then it runs."""
    client = site.client("atomic")
    with killed_in_a_statement(database, client):
        for _ in range(3):
            assert_in_progress(client.post())
    answer = client.retry(within=AT_ONCE)
    assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 2)


def test_in_mode_leased(database: Database, site: Site) -> None:
    """Row, leased (fail): in progress until the lease ends, then unknown; the end of the statement changes nothing."""
    client = site.client("fail")
    with killed_in_a_statement(database, client):
        assert_in_progress(client.post())
        client.lapse()
        assert_unknown(client.post())
    assert_unknown(client.post())
    assert client.done == (0, 1)


def test_in_mode_leased_with_retry(database: Database, site: Site) -> None:
    """Row, leased (retry): a take-over when the lease ends, which need not wait for the statement; one effect."""
    client = site.client("retry")
    with killed_in_a_statement(database, client):
        assert_in_progress(client.post())
        client.lapse()
        answer = client.post()
        assert_ran(answer)
    assert_replay(client.post(), answer)
    assert client.done == (1, 2)
