"""
The rows of crashes: before the claim, in the handler, before the store, and before the client has its answer.

A worker process dies by SIGKILL, and the client retries.
"""

from __future__ import annotations

import time

import pytest

from tests.app.models import Effect
from tests.faults.desk import AT_ONCE, Site, assert_in_progress, assert_ran, assert_unknown
from tests.faults.held import UNCOMMITTED, killed
from tests.guarantee.clients import REPLAYED, assert_replay

MODES = pytest.mark.parametrize("mode", ["atomic", "fail", "retry"])
HALTS = pytest.mark.parametrize("halt", UNCOMMITTED)


@MODES
def test_before_the_claim(site: Site, mode: str) -> None:
    """Row "crash before the claim", both modes: the retry is the first execution."""
    client = site.client(mode)
    killed(client, "before the claim")
    assert (client.done, client.row) == ((0, 0), None)
    first = client.post()
    assert_ran(first)
    assert_replay(client.post(), first)
    assert client.done == (1, 1)


@HALTS
def test_uncommitted_in_mode_atomic(site: Site, halt: str) -> None:
    """Rows "crash mid-handler" and "before the response is stored", atomic: rolled back; the retry runs at once."""
    client = site.client("atomic")
    lost = killed(client, halt)
    began = time.monotonic()
    answer = client.retry()
    assert time.monotonic() - began < AT_ONCE
    assert_ran(answer)
    assert answer.text != lost
    assert_replay(client.post(), answer)
    assert client.effects == 1


@HALTS
def test_uncommitted_in_mode_leased(site: Site, halt: str) -> None:
    """The same rows, leased (fail): 409 in progress until the lease ends, then unknown; nothing runs again."""
    client = site.client("fail")
    killed(client, halt)
    for _ in range(2):
        assert_in_progress(client.post())
    client.lapse()
    left = client.row
    for _ in range(2):
        assert_unknown(client.post())
    assert client.row == left
    assert client.done == (0, 1)


@HALTS
def test_uncommitted_in_mode_leased_with_retry(site: Site, halt: str) -> None:
    """The same rows, leased (retry): 409 in progress until the lease ends, then a take-over, with the same key."""
    client = site.client("retry")
    lost = killed(client, halt)
    assert_in_progress(client.post())
    client.lapse()
    answer = client.post()
    assert_ran(answer)
    assert answer.text != lost
    assert_replay(client.post(), answer)
    assert (client.done, client.record.attempt) == ((1, 2), 2)


def test_the_lease_ends_by_itself(site: Site) -> None:
    """Row "crash mid-handler", leased (fail), with a real lease of 1.5 s: a client that retries is told "unknown"."""
    client = site.client("fail-brief")
    killed(client, "mid-handler")
    assert_in_progress(client.post())
    assert_unknown(client.retry())
    assert client.lapsed
    assert client.done == (0, 1)


@MODES
def test_after_the_commit(site: Site, mode: str) -> None:
    """Row "crash after the store, before the client receives", both modes: a replay, byte-identical."""
    client = site.client(mode)
    lost = killed(client, "after the commit")
    first = client.post()
    assert (first.status_code, first.text, first.headers[REPLAYED]) == (201, lost, "true")
    assert_replay(client.post(), first)
    assert client.done == (1, 1)


@MODES
def test_between_commit_and_enqueue(site: Site, mode: str) -> None:
    """Row "killed between COMMIT and enqueueing", both modes: the 202 is replayed; the job row is there, once."""
    client = site.client(f"{mode}-orders")
    lost = killed(client, "after the commit")
    assert client.done == (1, 0)  # a sweeper finds it, for nobody has enqueued it
    first = client.post()
    assert (first.status_code, first.text, first.headers[REPLAYED]) == (202, lost, "true")
    assert_replay(client.post(), first)
    assert client.effects == 1
    assert first.json()["job"] == Effect.objects.get(label=client.key).pk
    assert client.outside == []
    spared = site.client(f"{mode}-orders")
    assert (spared.post().status_code, spared.done) == (202, (1, 1))


def test_while_it_takes_an_expired_key_over(site: Site) -> None:
    """Row "crash mid-handler", leased (fail), for a key that has been used before: unknown like any other."""
    client = site.client("fail")
    assert_ran(client.post())
    client.expire()
    killed(client, "mid-handler")
    assert_in_progress(client.post())
    client.lapse()
    assert_unknown(client.post())
    assert client.done == (1, 2)
