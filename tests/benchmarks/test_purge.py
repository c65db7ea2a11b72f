"""The benchmark of the purge measures what it says, on a table of a size that a test has time for."""

from __future__ import annotations

import pytest
from django.db.models import Count

from benchmarks.filling import BOUND, DAYS, fill
from benchmarks.rates import rate
from benchmarks.rounds import effect
from django_idempotency.lookups import EXPIRED
from django_idempotency.models import IdempotencyRecord
from django_idempotency.purge import purge
from tests.app.models import Effect
from tests.rig import Database

pytestmark = pytest.mark.databases("postgresql", "mariadb")


def test_the_table_is_as_an_api_leaves_it(database: Database) -> None:
    """All but the last day has expired; one in ten is bound to an object, and all objects are there."""
    fill(5000)
    records = IdempotencyRecord.objects
    assert records.count() == 5000
    assert records.filter(pk__regex="^[0-9a-f]{64}$").count() == 5000
    assert records.aggregate(keys=Count("key", distinct=True))["keys"] == 5000
    assert records.filter(EXPIRED).count() == pytest.approx(5000 * (DAYS - 1) / DAYS, rel=0.05)
    assert records.exclude(resource_id="").count() == Effect.objects.count() == 5000 / BOUND
    assert purge(rest=0).tombstones == 0
    assert records.count() == pytest.approx(5000 / DAYS, rel=0.15)


def test_the_rate_is_that_of_what_is_removed(database: Database) -> None:
    """What it counts is gone from the table, within the time that was given."""
    fill(50_000)
    measured = rate(rest=0, seconds=0.5)
    assert IdempotencyRecord.objects.count() == 50_000 - measured.removed
    assert 0 < measured.first < 500
    assert measured.a_second == pytest.approx(measured.removed / 0.5, rel=0.5)


@pytest.mark.databases("postgresql")
def test_requests_are_answered_beside_a_purge(database: Database) -> None:
    """Each is a fresh key that leaves its effect, while another process removes records."""
    fill(60_000)
    before = Effect.objects.count()
    felt = effect(database, rounds=1, seconds=1.0)
    answered = sum(len(each.seconds) for each in (*felt.without, *felt.beside))
    assert Effect.objects.count() - before >= answered > 1
    assert felt.removed[0] > 0
    assert felt.slower > 0
