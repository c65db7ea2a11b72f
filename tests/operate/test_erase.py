"""REQ 19: "All records of one scope can be erased (an organization leaves)"."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import transaction

from django_idempotency.erasure import Erased, erase
from django_idempotency.exceptions import ScopeRequired
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from tests.operate.records import completed, keys, leased, line, run
from tests.rig import Database

DAYS = timedelta(days=2)


def fill() -> None:
    """Two that may go, one in flight, two unknown, one of somebody else; each with an audit line, one of a record gone."""
    line(completed("old", age=DAYS))
    line(completed("young"))
    line(leased("in flight", left=timedelta(minutes=1)))
    line(leased("over", left=-DAYS))
    line(leased("unknown", left=None))
    line(completed("bob's", "bob"))
    gone = completed("gone")
    line(gone)
    gone.delete()


def lines() -> int:
    return IdempotencyAudit.objects.count()


def test_what_is_open_is_left(database: Database) -> None:
    """What is in flight or unknown stays, with its audit lines, and so does all of anybody else."""
    fill()
    expected = Erased(records=2, audit_lines=3, in_flight=1, unknown=2)
    assert erase("alice", dry_run=True) == expected
    assert (len(keys()), lines()) == (6, 7)
    assert erase("alice") == expected
    assert keys() == {"in flight", "over", "unknown", "bob's"}
    assert lines() == 4
    assert erase("alice") == Erased(in_flight=1, unknown=2)


def test_what_is_unknown_goes_when_told(database: Database) -> None:
    """Told so, it removes what is unknown; never what is in flight."""
    fill()
    expected = Erased(records=4, audit_lines=5, in_flight=1)
    assert erase("alice", also_unknown=True, dry_run=True) == expected
    assert erase("alice", also_unknown=True, batch=1) == expected
    assert keys() == {"in flight", "bob's"}
    assert lines() == 2


def test_a_scope_is_a_scope_to_the_letter(database: Database) -> None:
    """Neither a longer nor a differently written scope is the same one, not even one with the same digits."""
    records = [completed(scope, scope) for scope in ("alice", "Alice", "alice ", "alice2", "bob")]
    # What would be a collision of 64 bits.
    alice, bob = records[0].pk, records[-1].pk
    IdempotencyRecord.objects.filter(pk=bob).update(id=alice[:16] + bob[16:])
    assert erase("alice").records == 1
    assert keys() == {"Alice", "alice ", "alice2", "bob"}
    with pytest.raises(ScopeRequired):
        erase("")


def test_it_works_in_batches(database: Database) -> None:
    """Of many records each batch is short, and says how far it has come."""
    for number in range(7):
        line(completed(f"key-{number}"))
    seen: list[tuple[int, int]] = []
    erase("alice", batch=3, progress=lambda done: seen.append((done.records, done.audit_lines)))
    assert seen == [(3, 0), (6, 0), (7, 0), (7, 3), (7, 6), (7, 7)]


@pytest.mark.databases("postgresql", "mariadb")
def test_what_a_request_holds_is_passed_over(database: Database) -> None:
    """A live request is never waited for: its record is left, and counted; one of another scope is not even seen."""
    held = [completed("held").pk, completed("bob's", "bob").pk, completed("carol's", "carol").pk]
    completed("free")
    with transaction.atomic():
        assert len(IdempotencyRecord.objects.select_for_update().filter(pk__in=held)) == 3
        found: list[Erased] = []
        other = threading.Thread(target=lambda: found.append(erase("alice")))
        other.start()
        other.join(30)
    assert found == [Erased(records=1, in_flight=1)]
    assert keys() == {"held", "bob's", "carol's"}


def test_the_command(database: Database) -> None:
    """It ends with a status of its own where something is left, and tells what."""
    fill()
    dry = run("erase", "--scope", "alice", "--dry-run")
    assert (dry.status, dry.out) == (3, "Would remove 2 records and 3 audit lines.\n")
    assert len(keys()) == 6
    ended = run("erase", "--scope", "alice", "--yes", "--json")
    assert (ended.status, ended.json) == (3, {"records": 2, "audit_lines": 3, "in_flight": 1, "unknown": 2})
    assert "1 record in flight and 2 unknown are left" in ended.error
    IdempotencyRecord.objects.filter(key="in flight").delete()
    ended = run("erase", "--scope", "alice", "--also-unknown", "--yes")
    assert (ended.status, ended.out) == (0, "Removed 2 records and 3 audit lines.\n")
    assert keys() == {"bob's"}


def test_it_asks_first(database: Database) -> None:
    """Where nobody can be asked, only `--yes` lets it begin; and a scope there must be."""
    completed("key-1")
    ended = run("erase", "--scope", "alice")
    assert (ended.status, ended.out, keys()) == (2, "", {"key-1"})
    assert "--yes" in ended.error
    assert run("erase", "--scope", "", "--yes").status == 2
    assert run("erase").status == 1
