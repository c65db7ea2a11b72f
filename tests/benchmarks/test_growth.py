"""The benchmark of growth asks for what it says, on tables of a size that a test has time for."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.databases import LONG
from tests.faults.private import go_without
from tests.rig import Database
from tests.servers import ROOT


@pytest.mark.databases("postgresql", *(["mariadb"] if LONG else []))
def test_tables_of_each_size_are_asked_in_turns(database: Database) -> None:
    """Replays are replays, wherever in the table; the run fails by itself where one is not."""
    size = (
        "--rows",
        "300,2000",
        "--rounds",
        "1",
        "--seconds",
        "0.2",
        "--crowds",
        "1",
        "--stay",
        "0.2",
        "--json",
    )
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.growth", "--database", database.name, *size],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "tests.faults.private.Missing" in done.stderr:
        go_without(done.stderr.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["fresh"]) == set(found["replays"]) == set(found["sizes"]) == {"300", "2000"}
    loads = [load for kind in ("fresh", "replays", "crowd") for load in found[kind].values()]
    assert len(loads) == 6
    assert all(load["rates"][0] > 0 and load["p99"] >= load["p50"] > 0 for load in (*loads, found["many"]))
    assert sum(found["sizes"]["2000"].values()) > 300
    if database.name == "postgresql":
        assert found["tuples"]["atomic, fresh key"]["n_tup_ins"] == 1
        assert found["tuples"]["atomic, fresh key"]["n_dead_tup"] == 0
        assert set(found["tuples"]["atomic, replay"].values()) == {0}
        assert found["tuples"]["leased, fresh key"]["n_tup_upd"] == 1
