"""The mutants fit the code and the model as they are, and what judges them can tell a kill from an accident."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.model.mutants import MUTANTS as IN_THE_MODEL
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import ROOT, DoesNotApply, Mutant
from tests.mutants.verdict import Fate, judge

# Of a test that is quick, and asks no database.
LENGTHS = Mutant(
    model="an identity without lengths",
    file="django_idempotency/identity.py",
    old='b"%d:%b%d:%b%d:%b" % (len(one), one, len(two), two, len(three), three)',
    new="one + two + three",
    tests=("tests/rules/test_identity.py::test_the_classic_collision_is_none",),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    """It changes at most five lines of the package, in one place, and what it makes is Python."""
    assert mutant.file.startswith("django_idempotency/")
    mutated = mutant.changed((ROOT / mutant.file).read_text())
    compile(mutated, mutant.file, "exec")


def test_each_mutant_of_the_model_is_one_of_the_code() -> None:
    """What loses the guarantee in the model is tried in the code, and nothing else is."""
    assert {mutant.model for mutant in MUTANTS} == set(IN_THE_MODEL)
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_is_to_kill_it_is_there(mutant: Mutant) -> None:
    """The tests that a mutant names exist."""
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text()


def test_an_old_text_is_there_once(tmp_path: Path) -> None:
    """A mutant that fits nowhere, or in two places, is refused by name; so is one that rewrites too much."""
    with pytest.raises(DoesNotApply, match="an identity without lengths: its old text is 0 times in"):
        replace(LENGTHS, old="no such text").changed("text")
    with pytest.raises(DoesNotApply, match="2 times"):
        replace(LENGTHS, old="a").changed("a\na\n")
    six, five = "a\n" * 6, "a\n" * 5
    with pytest.raises(DoesNotApply, match="it changes 6 lines"):
        replace(LENGTHS, old=six, new="b\n" * 6).changed(six)
    assert replace(LENGTHS, old=five, new="b\n").changed(five) == "b\n"


@pytest.mark.parametrize(
    ("new", "fate", "why"),
    [
        ("one + two + three", Fate.KILLED, "assert"),
        ('b"%d:%b%d:%b" % (len(one), one, len(two), two) + three', Fate.SURVIVED, "passed"),
        ("no_such_name", Fate.ERROR, "NameError"),
        ("one for one in (", Fate.ERROR, "SyntaxError"),
    ],
)
def test_a_kill_is_no_accident(new: str, fate: Fate, why: str) -> None:
    """Only a test that says what is wrong kills; a survivor is told, and so is code that does not run at all."""
    verdict = judge(replace(LENGTHS, new=new))
    assert (verdict.fate, why in verdict.why) == (fate, True), verdict


def test_a_crash_behind_a_view_kills_nothing() -> None:
    """A changed view that crashes answers 500, and a test that asserts another status has found out nothing."""
    verdict = judge(
        replace(
            LENGTHS, new="no_such_name", tests=("tests/rules/test_identity.py::test_methods_are_endpoints",)
        )
    )
    assert (verdict.fate, "NameError" in verdict.why) == (Fate.ERROR, True), verdict


def test_a_test_that_does_not_run_kills_nothing() -> None:
    """A test that is no more there, or is skipped, is an error of the mutant and no proof."""
    verdict = judge(replace(LENGTHS, tests=("tests/rules/test_identity.py::test_no_such_thing",)))
    assert (verdict.fate, "test_no_such_thing" in verdict.why) == (Fate.ERROR, True), verdict
