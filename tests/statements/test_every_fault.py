"""
A fault at every statement of a guarded request, before it and after it has taken effect.

The statements are counted in a request that meets no fault, and each is then hurt in one of its own: the database
cannot serve it, undoes the transaction, ends the session, or the process is killed. The client goes on until it is
answered. A second fault meets every statement that the guard sends because of the first one.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.databases import LONG, NAMES
from tests.faults.desk import Site
from tests.rig import Database
from tests.statements.desk import EXPIRED, FRESH, LAPSED, REPLAY, Scenario, Statement, Story
from tests.statements.faults import Fault, Kind, When, possible

pytestmark = pytest.mark.databases(*(NAMES if LONG else ["postgresql"]))

# The usual run.
SCENARIOS = [
    Scenario("atomic"),
    Scenario("atomic", REPLAY, bound=True),
    Scenario("atomic", REPLAY, recent=True),
    Scenario("stored", EXPIRED, 402),
    Scenario("fail", bound=True),
    Scenario("retry", LAPSED),
]
RECOVERIES = [Scenario("atomic"), Scenario("fail")]
if LONG:
    BEFORE = (FRESH, REPLAY, EXPIRED)
    SCENARIOS = [
        *(Scenario(guard, before) for guard, before in product(("atomic", "fail", "retry"), BEFORE)),
        *(Scenario("atomic", before, recent=True) for before in BEFORE),
        *(Scenario("stored", before, status) for before, status in product(BEFORE, (201, 402))),
        *(Scenario(guard, FRESH, 400) for guard in ("atomic", "stored", "fail", "retry")),
        *(Scenario(guard, before, bound=True) for guard, before in product(("atomic", "fail"), BEFORE)),
        *(
            Scenario(guard, LAPSED, bound=bound)
            for guard, bound in product(("retry", "reconcile"), (True, False))
        ),
        Scenario("reconcile", bound=True),
    ]
    RECOVERIES = [
        *RECOVERIES,
        Scenario("stored", EXPIRED, 402),
        Scenario("retry", LAPSED),
        Scenario("reconcile", LAPSED),
    ]

KINDS = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
WHEN = pytest.mark.parametrize("when", When, ids=lambda when: when.value)


class Teller:
    """Tells the same story again and again, each time with other faults, on one server."""

    def __init__(self, site: Site, scenario: Scenario, folder: Path) -> None:
        self.site = site
        self.scenario = scenario
        self.folder = folder

    def tell(self, *faults: Fault) -> list[Statement]:
        """Let the request of a new key meet these faults, and be answered; its statements."""
        story = Story(self.site, self.scenario, self.folder)
        statements = story.meet(*faults)
        assert [each.fault for each in statements if each.fault] == [str(fault) for fault in faults]
        try:
            story.check(story.settle() if faults else story.answers[-1], statements)
        except AssertionError as error:
            error.add_note(f"at {[each for each in statements if each.fault]}")
            error.add_note(f"answered {[answer.status_code for answer in story.answers]}")
            raise
        return statements


@pytest.fixture
def teller(site: Site, scenario: Scenario, tmp_path: Path) -> Teller:
    return Teller(site, scenario, tmp_path)


@pytest.mark.parametrize("scenario", [Scenario("stored", EXPIRED, 402)], ids=str)
def test_nothing_is_overlooked(database: Database, teller: Teller) -> None:
    """What Django and the driver send by themselves is seen, savepoints and the ends of transactions included."""
    verbs = {statement.verb for statement in teller.tell()}
    begin = "SET" if database.name == "mariadb" else "BEGIN"
    assert {begin, "SAVEPOINT", "INSERT", "ROLLBACK", "RELEASE", "COMMIT"} <= verbs


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("recent", [True, False])
def test_a_remembered_key_is_read_without_a_transaction(site: Site, tmp_path: Path, recent: bool) -> None:
    """What is hurt below is what its scenario says: a process that remembers the key, or one that does not."""
    statements = Teller(site, Scenario("atomic", REPLAY, recent=recent), tmp_path).tell()
    assert any("BEGIN" in statement.text for statement in statements) is not recent


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
@KINDS
@WHEN
def test_at_every_statement(database: Database, teller: Teller, kind: Kind, when: When) -> None:
    """REQ 2, REQ 3, REQ 8, REQ 24: One effect, one answer, whatever statement fails."""
    if not possible(database.vendor, kind, when):
        pytest.skip("a file has no sessions, undoes no one for another, and fails before or not at all")
    statements = teller.tell()
    for position, statement in enumerate(statements):
        met = teller.tell(Fault(position, kind, when))
        assert met[position].verb == statement.verb


@pytest.mark.databases(*(["postgresql", "mariadb"] if LONG else ["postgresql"]))
@pytest.mark.parametrize("scenario", RECOVERIES, ids=str)
@pytest.mark.parametrize("kind", [Kind.BUSY, Kind.CLOSED], ids=lambda kind: kind.value)
@WHEN
def test_at_every_statement_of_the_recovery(teller: Teller, kind: Kind, when: When) -> None:
    """REQ 8, REQ 24: The same where the guard's own answer to a fault fails too: every pair of faults."""
    pairs = 0
    for position in range(len(teller.tell())):
        first = Fault(position, kind, when)
        for later in range(position + 1, len(teller.tell(first))):
            teller.tell(first, Fault(later, Kind.CLOSED, When.BEFORE))
            pairs += 1
    assert pairs
