"""`python -m tests.mutants`: which test kills each mutant of the code, and why."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import DoesNotApply, Mutant, copy
from tests.mutants.verdict import Fate, Verdict, judge, run

AT_ONCE = 2


def main(words: Sequence[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not words or any(word in mutant.name for word in words)]
    if not chosen:
        print("No mutant has such a name.")
        return 1
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        if faults := [fault for fault in pool.map(fault_without, *by_database(chosen)) if fault]:
            print("Without a mutant:", *faults, sep="\n    ")
            return 1
        failed = 0
        for mutant, verdict in zip(chosen, pool.map(fate_of, chosen), strict=True):
            failed += verdict.fate is not Fate.KILLED
            by = f" by {verdict.test}" if verdict.test else ""
            print(f"{mutant.name}: {verdict.fate.value}{by}\n    {verdict.why}", flush=True)
    seconds = time.monotonic() - began
    print(f"{len(chosen)} mutants, {seconds:.0f} s: {f'{failed} NOT KILLED' if failed else 'all killed'}")
    return int(failed > 0)


def by_database(mutants: Sequence[Mutant]) -> tuple[list[str], list[list[str]]]:
    """Which databases the tests of these mutants run on, and which tests on each of them."""
    tests: dict[str, dict[str, None]] = {}
    for mutant in mutants:
        tests.setdefault(mutant.on, {}).update(dict.fromkeys(mutant.tests))
    return list(tests), [list(each) for each in tests.values()]


def fault_without(on: str, tests: Sequence[str]) -> str:
    """What fails, or does not run, in a copy that is as it should be; nothing, if all is well."""
    with tempfile.TemporaryDirectory(prefix="mutant-none-") as folder:
        copy(Path(folder))
        outcome = run(Path(folder), tests, on)
    if outcome.all_passed:
        return ""
    unwell = [f"{each['test']} {each['outcome']}" for each in outcome.tests if each["outcome"] != "passed"]
    return "; ".join(unwell) or outcome.last_words


def fate_of(mutant: Mutant) -> Verdict:
    try:
        return judge(mutant)
    except DoesNotApply as error:
        return Verdict(Fate.ERROR, str(error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
