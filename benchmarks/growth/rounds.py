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
from benchmarks.loads import Load
from benchmarks.programs import Pipe
from benchmarks.race.client import Order

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
        crowd: fresh keys while a crowd asks for "one key", or for "200 keys".
    """

    fresh: dict[int, Load] = field(default_factory=lambda: defaultdict(Load))
    replays: dict[int, Load] = field(default_factory=lambda: defaultdict(Load))
    many: Load = field(default_factory=Load)
    crowd: dict[str, Load] = field(default_factory=lambda: defaultdict(Load))


def measure(
    sites: Sequence[Site], rounds: int, seconds: float, crowds: int, stay: float, log: Path
) -> Results:
    """
    Each load for so many seconds in each round, and then so many crowds, which stay so long; the first of each warms up.

    The rounds are short and many: on a machine whose speed changes, what is compared must be measured within a moment.
    """
    results, warm = Results(), Results()
    with _client(log) as ask, _client(log) as beside:
        for number in range(rounds + 1):
            into = results if number else warm
            first = number % len(sites)
            for site in (*sites[first:], *sites[:first]):
                for replays, found in ((False, into.fresh), (True, into.replays)):
                    order = site.order(replays=replays, connections=FEW, seconds=seconds)
                    found[site.rows].add(ask(order))
            many = sites[0].order(replays=False, connections=MANY, seconds=seconds)
            into.many.add(ask(many))
            print(f"Round {number} of {rounds}", file=sys.stderr)
        for number in range(crowds + 1):
            _crowd(sites[0], stay, ask, beside, results if number else warm)
            print(f"Crowd {number} of {crowds}", file=sys.stderr)
    return results


def _crowd(site: Site, stay: float, ask: Any, beside: Any, into: Results) -> None:
    asked = site.order(replays=True, connections=CROWD, seconds=stay, pause=CROWD_PAUSE)
    for name, keys in {"one key": asked.keys[:1], f"{CROWD} keys": asked.keys[:CROWD]}.items():
        crowd = Order(**{**asdict(asked), "keys": keys})
        # It comes one by one, and is all there after the pause.
        watched = site.order(replays=False, connections=WATCHED, seconds=stay, pause=PAUSE, after=CROWD_PAUSE)
        with ThreadPoolExecutor(1) as pool:
            hammering = pool.submit(beside, crowd)
            into.crowd[name].add(ask(watched))
            hammering.result()


@contextmanager
def _client(log: Path) -> Iterator[Any]:
    """A client in a process of its own: carries an order out."""
    pipe = Pipe([sys.executable, "-m", "benchmarks.race.client"], os.environ, log)

    def ask(order: Order) -> dict[str, Any]:
        answers: dict[str, Any] = json.loads(pipe.ask(json.dumps(asdict(order))))
        if set(answers["statuses"]) != {"201"}:
            raise RuntimeError(f"{order.path}: answered with {answers['statuses']}")
        if answers["replays"] != (len(answers["seconds"]) if order.keys else 0):
            raise RuntimeError(
                f"{order.path}: {answers['replays']} of {len(answers['seconds'])} were replays"
            )
        return answers

    try:
        yield ask
    finally:
        pipe.close()
