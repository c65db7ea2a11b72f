"""The tables of a race, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.loads import Load
from benchmarks.race.contestants import CONTESTANTS
from benchmarks.race.proof import CROWD, CROWDS, KILLS
from benchmarks.race.rounds import (
    CELLS,
    FRESH,
    FRESH_ALONE,
    MANY,
    MIX,
    ONE,
    ONE_ALONE,
    Cell,
    Results,
)

Race = dict[str, Results]
NONE = "-"


def report(race: Race) -> str:
    """All tables, each under a heading."""
    return "\n\n".join(
        f"### {heading}\n\n{make(race)}"
        for heading, make in (
            ("Throughput and processor time, as multiples of the bare view", throughput),
            ("One connection", alone),
            ("Milliseconds, saturated", latencies),
            ("To the floors", floors),
            ("What does not drift", traits),
            ("Duplicates at once, and a process killed after the handler's work", retries),
        )
    )


def throughput(race: Race) -> str:
    rows = [
        [
            CONTESTANTS[name].title,
            *(of_bare(race, name, cell) for cell in (FRESH, ONE, MANY, MIX)),
            processor(race, name, "fresh"),
            processor(race, name, "replay"),
            results.proof.verdict if CONTESTANTS[name].acts else NONE,
        ]
        for name, results in race.items()
    ]
    heads = ("", "fresh key", "replay of one key", "replay of 500 keys", "1 % retries")
    return table([*heads, "CPU, fresh", "CPU, replay", "effects"], rows)


def alone(race: Race) -> str:
    rows = [
        [
            CONTESTANTS[name].title,
            of_bare(race, name, FRESH_ALONE),
            of_bare(race, name, ONE_ALONE),
            milliseconds(race, name, FRESH_ALONE),
            milliseconds(race, name, ONE_ALONE),
        ]
        for name in race
    ]
    return table(["", "fresh key", "replay", "fresh key, p50 and p99 ms", "replay, p50 and p99 ms"], rows)


def latencies(race: Race) -> str:
    cells = (FRESH, ONE, MANY)
    rows = [[CONTESTANTS[name].title, *(milliseconds(race, name, cell) for cell in cells)] for name in race]
    return table(["p50 and p99", "fresh key", "replay of one key", "replay of 500 keys"], rows)


def floors(race: Race) -> str:
    rows = [
        [
            CONTESTANTS[name].title,
            against(race, name, FRESH, "in-atomic", FRESH),
            against(race, name, ONE, "constant", FRESH),
            against_processor(race, name, "fresh", "in-atomic"),
            against_processor(race, name, "replay", "constant"),
        ]
        for name in race
        if CONTESTANTS[name].replays
    ]
    heads = ("", "fresh key, to atomic()", "replay, to a constant", "CPU, fresh", "CPU, replay")
    return table([*heads], rows)


def traits(race: Race) -> str:
    def of(results: Results, field: str) -> str:
        return " / ".join(str(getattr(each, field)) for each in results.traits.values())

    rows = [
        [
            CONTESTANTS[name].title,
            *(of(results, field) for field in ("statements", "round_trips", "commits", "redis", "wal")),
            f"{results.peak / 2**20:.0f}",
        ]
        for name, results in race.items()
    ]
    heads = ("fresh / replay", "statements", "round trips", "commits", "Redis commands", "bytes of WAL")
    return table([*heads, "MB of a worker"], rows)


def retries(race: Race) -> str:
    rows = [
        [CONTESTANTS[name].title, counted(results.proof.crowd), counted(results.proof.killed)]
        for name, results in race.items()
        if CONTESTANTS[name].acts
    ]
    return table(["", f"{CROWD} duplicates, {CROWDS} times: statuses", f"{KILLS} kills: effects"], rows)


# -- What stands in the cells ------------------------------------------------------------------------


def of_bare(race: Race, name: str, cell: Cell) -> str:
    """Throughput, as a multiple of the bare view's with as many connections in the same round."""
    return against(race, name, cell, "bare", Cell("fresh", cell.connections))


def against(race: Race, name: str, cell: Cell, other: str, its: Cell) -> str:
    own, others = race[name].loads.get(cell, Load()), other_of(race, other).loads.get(its, Load())
    return spread(own.rates, others.rates)


def processor(race: Race, name: str, kind: str) -> str:
    """Processor time, as a multiple of the bare view's."""
    return against_processor(race, name, kind, "bare")


def against_processor(race: Race, name: str, kind: str, other: str) -> str:
    own, others = race[name].processor.get(kind, []), other_of(race, other).processor.get("fresh", [])
    return spread(own, others)


def other_of(race: Race, name: str) -> Results:
    return race.get(name) or Results()


def spread(own: Sequence[float], others: Sequence[float]) -> str:
    """The median of the rounds, the least and the most."""
    if not own or not others:
        return NONE
    ratios = [each / other for each, other in zip(own, others, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def counted(counts: Mapping[Any, int]) -> str:
    return ", ".join(f"{what}: {times}" for what, times in sorted(counts.items())) or NONE


def milliseconds(race: Race, name: str, cell: Cell) -> str:
    load = race[name].loads.get(cell)
    return f"{load.percentile(50):.1f}, {load.percentile(99):.1f}" if load else NONE


def table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(race: Race) -> dict[str, Any]:
    """The same figures; rates and processor times round by round."""
    return {
        name: {
            "title": CONTESTANTS[name].title.strip("*"),
            "loads": {
                f"{cell.kind}, {cell.connections}": results.loads[cell].as_json
                for cell in CELLS
                if cell in results.loads
            },
            "processor": dict(results.processor),
            "traits": {kind: asdict(each) for kind, each in results.traits.items()},
            "proof": {**vars(results.proof), "verdict": results.proof.verdict},
            "peak": results.peak,
        }
        for name, results in race.items()
    }
