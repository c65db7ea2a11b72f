"""All contestants in turns: each round asks every one of them for everything, in another order."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from benchmarks.loads import Load
from benchmarks.programs import Pipe
from benchmarks.race.client import Order
from benchmarks.race.proof import Proof, crowd, effects, kill
from benchmarks.race.site import Site
from benchmarks.race.traits import Inside, Traits, traits

SATURATED, ALONE = 8, 1
KEYS = 500
# Requests of one call in the process.
INSIDE = 50


class Cell(NamedTuple):
    """One kind of load: what is asked, over how many connections."""

    kind: str
    connections: int


FRESH, ONE, MIX = Cell("fresh", SATURATED), Cell("one", SATURATED), Cell("mix", SATURATED)
MANY = Cell("many", SATURATED)
FRESH_ALONE, ONE_ALONE = Cell("fresh", ALONE), Cell("one", ALONE)
CELLS = (FRESH, ONE, MANY, MIX, FRESH_ALONE, ONE_ALONE)
REPLAYS = frozenset({"one", "many", "mix"})


@dataclass(slots=True)
class Results:
    """
    Of one contestant.

    Attributes:
        loads: of each cell.
        processor: microseconds of one request in the process, "fresh" and "replay", round by round.
        peak: bytes of memory that one worker has had at most.
    """

    loads: dict[Cell, Load] = field(default_factory=lambda: defaultdict(Load))
    processor: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    traits: dict[str, Traits] = field(default_factory=dict)
    proof: Proof = field(default_factory=Proof)
    peak: int = 0


class Asker:
    """The client, in a process of its own."""

    def __init__(self, log: Path) -> None:
        self._pipe = Pipe([sys.executable, "-m", "benchmarks.race.client"], os.environ, log)

    def ask(self, order: Order) -> dict[str, Any]:
        """
        Carry an order out.

        Raises:
            RuntimeError: an answer was something else than 201.
        """
        answers: dict[str, Any] = json.loads(self._pipe.ask(json.dumps(asdict(order))))
        if set(answers["statuses"]) != {"201"}:
            raise RuntimeError(f"{order}: answered with {answers['statuses']}")
        return answers

    def close(self) -> None:
        self._pipe.close()


class Runner:
    """One contestant, ready to be asked."""

    def __init__(self, site: Site, asker: Asker) -> None:
        self.site = site
        self.results = Results()
        self._asker = asker
        self._inside = Inside(site)
        self._asked: set[str] = set()
        stored = self._ask(Order(port=site.port, connections=SATURATED, seconds=1))["keys"]
        self._keys = {"one": stored[:1], "many": stored[:KEYS]}

    def load(self, cell: Cell, seconds: float, *, counts: bool) -> None:
        """Let the client ask it for so long, if it can answer that."""
        if cell.kind in REPLAYS and not self.site.contestant.replays:
            return
        answers = self._ask(
            Order(
                port=self.site.port,
                connections=cell.connections,
                seconds=seconds,
                keys=self._keys.get(cell.kind, []),
                again=100 if cell is MIX else 0,
            )
        )
        if counts:
            self.results.loads[cell].add(answers)

    def process(self, *, counts: bool) -> None:
        """Call it in a process of its own."""
        took = {"fresh": self._inside.ask(INSIDE)}
        if self.site.contestant.replays:
            took["replay"] = self._inside.ask(INSIDE, self._keys["one"][0])
        for kind, microseconds in took.items() if counts else ():
            self.results.processor[kind].append(microseconds)

    def end(self) -> None:
        """Count, and prove."""
        self._inside.close()
        if self.site.contestant.acts:
            proof = self.results.proof
            done = effects(self.site, sorted(self._asked))
            proof.lost = len(self._asked - done.keys())
            proof.doubled = sum(times > 1 for times in done.values())
            crowd(self.site, proof)
            kill(self.site, proof)
        self.site.stop()
        self.results.peak = self.site.peak

    def _ask(self, order: Order) -> dict[str, Any]:
        answers = self._asker.ask(order)
        self._asked.update(answers["keys"])
        return answers


def race(sites: Sequence[Site], rounds: int, seconds: float) -> dict[str, Results]:
    """Let all of them run in so many rounds, each cell for so many seconds."""
    counted = {site.name: traits(site) for site in sites}
    with _runners(sites) as runners:
        for number in range(rounds + 1):  # the first one warms everything up
            # Nobody always comes after the same one. The orders are the same in each run, so whoever runs it again has
            # them; they need not be hard to guess, which is what the rule is about.
            turn = Random(number).sample(runners, len(runners))  # noqa: S311 - no secret
            # One load after the other, so that what is compared is measured within seconds.
            for cell in CELLS:
                for runner in turn:
                    runner.load(cell, seconds, counts=number > 0)
            for runner in turn:
                runner.process(counts=number > 0)
            print(f"Round {number} of {rounds}", file=sys.stderr)
        for runner in runners:
            runner.end()
            runner.results.traits = counted[runner.site.name]
    return {runner.site.name: runner.results for runner in runners}


@contextmanager
def _runners(sites: Sequence[Site]) -> Iterator[list[Runner]]:
    asker = Asker(sites[0].log.with_name("client"))
    try:
        for site in sites:
            site.start()
        yield [Runner(site, asker) for site in sites]
    finally:
        asker.close()
        for site in sites:
            site.stop()
