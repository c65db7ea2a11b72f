"""`manage.py idempotency purge`, and the task that does the same."""

from __future__ import annotations

from datetime import timedelta

from django_idempotency.models import IdempotencyPurge, IdempotencyRecord
from django_idempotency.tasks import purge_expired
from tests.app.models import Effect
from tests.operate.records import completed, keys, leased, run
from tests.rig import Database

DAYS = timedelta(days=2)


def fill() -> None:
    for number in range(5):
        completed(f"old-{number}", age=DAYS)
    completed("young")
    completed("for ever", age=DAYS, lifetime=None)
    leased("in flight", left=timedelta(minutes=1))
    leased("over", left=-DAYS)
    leased("unknown", left=None)


STAYS = {"young", "for ever", "in flight", "over", "unknown"}


def test_it_removes_what_has_expired(database: Database) -> None:
    """REQ 12: what has expired goes; what is in flight, unknown or inside its lifetime never does."""
    fill()
    assert run("purge", "--json").json == {"expired": 5, "tombstones": 0, "finished": True}
    assert keys() == STAYS
    assert run("purge").out == "Removed 0 expired records, and made 0 tombstones.\n"


def test_a_dry_run_changes_nothing(database: Database) -> None:
    """Dry, it counts what it would remove, and leaves all of it, also its own lines."""
    fill()
    assert run("purge", "--dry-run", "--json").json == {"expired": 5}
    assert run("purge", "--dry-run").out == "Would remove 5 expired records.\n"
    assert len(keys()) == 10
    assert not IdempotencyPurge.objects.exists()


def test_it_keeps_to_its_bounds(database: Database) -> None:
    """`--rows` and `--seconds` end it early; it says that there is more, and the next run goes on."""
    fill()
    bounded = run("purge", "--rows", "2", "--batch", "1", "--rest", "0", "--json")
    assert bounded.json == {"expired": 2, "tombstones": 0, "finished": False}
    assert "There is more" in run("purge", "--seconds", "0").out
    assert len(keys()) == 8
    assert run("purge", "--json", "--database", "default").json["expired"] == 3


def test_it_empties_the_records_of_deleted_objects(database: Database) -> None:
    """REQ 20: the purge turns the records of what was deleted into tombstones, without body."""
    effect = Effect.objects.create(label="gone")
    completed("bound", resource_type="app.effect", resource_id=str(effect.pk), resource_database="default")
    Effect.objects.filter(pk=effect.pk)._raw_delete("default")
    assert run("purge", "--json").json == {"expired": 0, "tombstones": 1, "finished": True}
    record = IdempotencyRecord.objects.get()
    assert (record.response_body, record.resource_deleted_at is not None) == (None, True)


def test_wrong_bounds_are_refused() -> None:
    """What is no number, or below the least that makes sense, changes nothing."""
    for wrong in (
        ["--batch", "0"],
        ["--rows", "-1"],
        ["--rest", "-1"],
        ["--seconds", "inf"],
        ["--seconds", "x"],
        ["--database", "nowhere"],
    ):
        ended = run("purge", *wrong)
        assert (ended.status, ended.out) == (1, "")
        assert wrong[0] in ended.error


def test_the_task_does_the_same(database: Database) -> None:
    """Operators store its name; its bounds are those of the purge, and its result is counts."""
    assert (purge_expired.name, purge_expired.ignore_result) == (
        "django_idempotency.tasks.purge_expired",
        True,
    )
    fill()
    assert purge_expired(rows=1) == {"expired": 1, "tombstones": 0, "finished": False}
    assert purge_expired(database="default", seconds=0) == {
        "expired": 0,
        "tombstones": 0,
        "finished": False,
    }
    assert purge_expired() == {"expired": 4, "tombstones": 0, "finished": True}
    assert keys() == STAYS
