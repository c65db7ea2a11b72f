"""The plan is a function of the seed, and has something of everything."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.faults.storm.plan import BLOWS, ENDPOINTS, Kind, askings, faults, operation
from tests.faults.storm.server import POLICIES

MINUTE = 60.0


def test_the_same_seed_repeats_it() -> None:
    """Requests and faults; another seed gives others."""
    assert [*islice(askings(1), 100)] == [*islice(askings(1), 100)]
    assert faults(1, MINUTE, 2) == faults(1, MINUTE, 2)
    assert operation(1, 50) != operation(2, 50)
    assert faults(1, MINUTE) != faults(2, MINUTE)


def test_a_longer_storm_begins_alike() -> None:
    """So a failure late in a storm is met at the same place of its plan again."""
    assert faults(1, MINUTE)[:10] == faults(1, 2 * MINUTE)[:10]


def test_each_operation_has_a_key_of_its_own() -> None:
    """Several clients may send one."""
    keys = [operation(1, number).key for number in range(1000)]
    assert len(set(keys)) == 1000
    assert {len(operation(1, number).askers) for number in range(100)} == {1, 2, 3}


def test_every_endpoint_is_asked() -> None:
    """Each that the server has."""
    assert {operation(1, number).endpoint for number in range(20)} == set(ENDPOINTS) == POLICIES.keys()


@pytest.mark.parametrize("seed", range(20))
def test_a_minute_has_every_fault(seed: int) -> None:
    """Twice as many as there must be, for some meet nobody; in their order, and within the time."""
    planned = faults(seed, MINUTE, 1)
    assert {fault.kind for fault in planned} == set(Kind)
    assert sum(fault.kind in BLOWS for fault in planned) >= 60
    assert sum(fault.inside for fault in planned if fault.kind in BLOWS) >= 40
    times = [fault.at for fault in planned]
    assert times == sorted(times)
    assert 0 < times[0] < times[-1] <= MINUTE


def test_without_a_machine_nothing_is_restarted() -> None:
    """Only a server of the storm's own is."""
    assert Kind.RESTART not in {fault.kind for fault in faults(1, MINUTE)}
