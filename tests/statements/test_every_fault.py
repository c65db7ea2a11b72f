"""A fault at every statement."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.databases import NAMES
from tests.faults.desk import Site
from tests.rig import Database
from tests.statements.desk import EXPIRED, FRESH, LAPSED, REPLAY, Scenario, Story
from tests.statements.faults import Fault, Kind, When

pytestmark = pytest.mark.databases(*NAMES)

SCENARIOS = [
    *[Scenario(guard, before) for guard, before in product(("atomic", "fail", "retry"), (FRESH, REPLAY, EXPIRED))],
    *[Scenario("stored", before, status) for before, status in product((FRESH, REPLAY, EXPIRED), (201, 402))],
    *[Scenario(guard, FRESH, 400) for guard in ("atomic", "stored", "fail", "retry")],
    *[Scenario(guard, before, bound=True) for guard, before in product(("atomic", "fail"), (FRESH, REPLAY))],
    Scenario("retry", LAPSED),
    Scenario("retry", LAPSED, bound=True),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@pytest.mark.parametrize("when", When, ids=lambda each: each.value)
@pytest.mark.parametrize("kind", Kind, ids=lambda each: each.value)
def test_at_every_statement(database: Database, site: Site, tmp_path: Path, scenario: Scenario, kind: Kind, when: When) -> None:
    if database.name == "sqlite" and (kind in (Kind.UNDONE, Kind.CLOSED) or (kind, when) == (Kind.BUSY, When.AFTER)):
        pytest.skip("a file has no sessions, and one writer is never undone for another")
    clean = Story(site, scenario, tmp_path)
    statements = clean.meet()
    clean.check(clean.answers[-1], statements)
    assert statements
    problems = []
    for position, statement in enumerate(statements):
        fault = Fault(position, kind, when)
        story = Story(site, scenario, tmp_path)
        met = story.meet(fault)
        assert met[position].fault == str(fault)
        assert met[position].verb == statement.verb
        try:
            story.check(story.settle(), met)
        except AssertionError as error:
            problems.append(f"{fault} {statement.text.split()[:4]} {[a.status_code for a in story.answers]}: {str(error)[:300]}")
    print(scenario, len(statements), [s.verb for s in statements])
    assert not problems, "\n".join(problems)
