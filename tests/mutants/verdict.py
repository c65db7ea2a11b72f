"""Runs tests in a copy of the project, and judges what they say of the mutant in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from tests.mutants.mutant import Mutant, copy
from tests.mutants.report import VARIABLE

# Seconds. The tests of a mutant take a few.
PATIENCE = 180.0
PYTEST = ("-m", "pytest", "-n0", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly")
FAILED = 1


class Fate(Enum):
    KILLED = "killed"
    SURVIVED = "SURVIVED"
    # The tests did not run, or failed for another reason than what they assert.
    ERROR = "MERE ERROR"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What became of a mutant.

    Attributes:
        test: which test killed it, or failed otherwise.
        why: one line.
    """

    fate: Fate
    why: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run of pytest has said."""

    status: int
    tests: list[dict[str, Any]]
    last_words: str

    @property
    def all_passed(self) -> bool:
        return self.status == 0 and {each["outcome"] for each in self.tests} == {"passed"}


def judge(mutant: Mutant) -> Verdict:
    """
    Say what the tests of a mutant make of it.

    Raises:
        DoesNotApply: see `Mutant.changed`.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        copy(folder)
        mutant.apply(folder)
        outcome = run(folder, mutant.tests, mutant.on)
    if outcome.all_passed:
        return Verdict(Fate.SURVIVED, f"{len(outcome.tests)} tests passed")
    failed = next((each for each in outcome.tests if each["outcome"] == "failed"), None)
    if outcome.status != FAILED or failed is None:
        return Verdict(Fate.ERROR, outcome.last_words)
    fate = Fate.KILLED if failed["asserts"] else Fate.ERROR
    return Verdict(fate, _one_line(failed["why"]), failed["test"])


def run(folder: Path, tests: Sequence[str], on: str) -> Outcome:
    """Run tests in a copy, to the first that fails."""
    report = folder / "report"
    report.touch()
    environ = {**os.environ, "PYTHONPATH": str(folder), VARIABLE: str(report)}
    command = [sys.executable, *PYTEST, "-p", "tests.mutants.report", "-k", on, *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(-1, [], f"no end after {PATIENCE:.0f} s")
    told = [json.loads(line) for line in report.read_text().splitlines()]
    return Outcome(done.returncode, told, _error(f"{done.stdout}\n{done.stderr}"))


def _error(output: str) -> str:
    """What pytest says of an error, else the last that it says."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E  ", "ERROR", "ImportError"))]
    return _one_line((errors or lines or ["nothing was said"])[0 if errors else -1])


def _one_line(text: str) -> str:
    return " ".join(text.split())[:160]
