"""The sizes in turns, and then more clients on one of them."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.growth.site import Site
from benchmarks.programs import Pipe
from benchmarks.race.client import Order
from benchmarks.race.rounds import Figures, figures

FEW, MANY, CROWD = 8, 64, 200
# Seconds between two requests of one client in a crowd, and of one that is watched beside it: no load is the most.
CROWD_PAUSE, PAUSE, WATCHED = 1.0, 0.02, 4


@dataclass
class Results:
    """
    All rounds.

    Attributes:
        fresh, replays: by the number of records.
        many: fresh keys from MANY clients, beside `fresh` of the smallest.
        crowd: fresh keys while a crowd asks for "one key", or for "as many keys".
    """

    fresh: dict[int, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    replays: dict[int, list[Figures]] = field(default_factory=lambda: defaultdict(list))
    many: list[Figures] = field(default_factory=list)
    crowd: dict[str, list[Figures]] = field(default_factory=lambda: defaultdict(list))


def measure(sites: Sequence[Site], rounds: int, seconds: float, log: Path) -> Results:
    """Each load for so many seconds in each round; the first round warms everything up, and is not counted."""
    results, warm = Results(), Results()
    with _client(log) as ask, _client(log) as beside:
        for number in range(rounds + 1):
            into = results if number else warm
            first = number % len(sites)
            for site in (*sites[first:], *sites[:first]):
                for replays, found in ((False, into.fresh), (True, into.replays)):
                    order = site.order(replays=replays, connections=FEW, seconds=seconds)
                    found[site.rows].append(ask(order))
            into.many.append(ask(sites[0].order(replays=False, connections=MANY, seconds=seconds)))
            _crowd(sites[0], seconds, ask, beside, into)
            print(f"Round {number} of {rounds}", file=sys.stderr)
    return results


def _crowd(site: Site, seconds: float, ask: Any, beside: Any, into: Results) -> None:
    asked = site.order(replays=True, connections=CROWD, seconds=seconds, pause=CROWD_PAUSE)
    for name, keys in {"one key": asked.keys[:1], f"{CROWD} keys": asked.keys[:CROWD]}.items():
        crowd = Order(**{**asdict(asked), "keys": keys})
        watched = site.order(replays=False, connections=WATCHED, seconds=seconds, pause=PAUSE)
        with ThreadPoolExecutor(1) as pool:
            hammering = pool.submit(beside, crowd)
            into.crowd[name].append(ask(watched))
            hammering.result()


@contextmanager
def _client(log: Path) -> Iterator[Any]:
    """A client in a process of its own: carries an order out."""
    pipe = Pipe([sys.executable, "-m", "benchmarks.race.client"], os.environ, log)

    def ask(order: Order) -> Figures:
        answers = json.loads(pipe.ask(json.dumps(asdict(order))))
        if set(answers["statuses"]) != {"201"}:
            raise RuntimeError(f"{order.path}: answered with {answers['statuses']}")
        if answers["replays"] != (len(answers["seconds"]) if order.keys else 0):
            raise RuntimeError(
                f"{order.path}: {answers['replays']} of {len(answers['seconds'])} were replays"
            )
        return figures(answers)

    try:
        yield ask
    finally:
        pipe.close()
