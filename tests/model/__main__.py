"""`python -m tests.model`: what was explored, and the shortest way to what each mutant breaks."""

from __future__ import annotations

import sys
import time

from tests.model.explore import explore
from tests.model.mutants import MUTANTS, PROTOCOLS


def main() -> int:
    failed = False
    for name, model in PROTOCOLS.items():
        began = time.monotonic()
        found = explore(model)
        failed |= found.finding is not None
        verdict = "holds" if found.finding is None else f"BROKEN: {found.finding.promise}"
        print(f"{name}: {found.states} states, {time.monotonic() - began:.1f} s: {verdict}")
        for words in found.finding.trace if found.finding else ():
            print(f"    {words}")
    for name, model in MUTANTS.items():
        found = explore(model)
        failed |= found.finding is None
        if found.finding is None:
            print(f"{name}: NOT FOUND in {found.states} states")
            continue
        print(f"{name}: breaks that {found.finding.promise}")
        for number, words in enumerate(found.finding.trace, 1):
            print(f"    {number}. {words}")
    print(
        f"{len(PROTOCOLS)} protocols, {len(MUTANTS)} mutants: {'FAILED' if failed else 'all as it must be'}"
    )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
