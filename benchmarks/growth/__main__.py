"""
What becomes of a request's cost as the table of records grows, and as more clients come.

    python -m benchmarks.growth --database postgresql --rows 10000,1000000,10000000

A database of each size is made, filled and served; in each round all of them are asked in turns, and ratios are taken
to the smallest of the same round. PostgreSQL is started for the run where no URL is given.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from testproject import mysql

if TYPE_CHECKING:
    from benchmarks.growth.rounds import Results
    from benchmarks.growth.site import Site
    from benchmarks.loads import Load


def main() -> None:
    options = arguments()
    mysql.install()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from benchmarks.growth.rounds import measure
    from benchmarks.growth.site import site, told

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="idempotency-growth-")))
        server = stack.enter_context(place(options.database, options.database_url))
        sites = [
            stack.enter_context(site(options.database, server, rows, keep=options.keep))
            for rows in sorted(options.rows)
        ]
        results = measure(
            sites, options.rounds, options.seconds, options.crowds, options.stay, folder / "client"
        )
        url = sites[0].database.url
        left = told(url, "benchmarks.growth.tuples") if options.database == "postgresql" else {}
    if options.json:
        sizes = {each.rows: each.sizes for each in sites}
        print(json.dumps({**as_json(results), "sizes": sizes, "tuples": left}, indent=2))
    else:
        print(report(sites, results, left))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--database", choices=("postgresql", "mariadb"), default="postgresql")
    parser.add_argument("--database-url", help="a server")
    parser.add_argument("--rows", type=numbers, default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each load in each round")
    parser.add_argument("--crowds", type=int, default=9, help="how often a crowd comes")
    parser.add_argument("--stay", type=float, default=5.0, help="seconds, of a crowd")
    parser.add_argument(
        "--keep", action="store_true", help="do not drop the databases; take those that are there"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


@contextmanager
def place(name: str, url: str | None) -> Iterator[str]:
    """The server of the URL, or one of this run's own."""
    from benchmarks.race.places import Stock
    from tests.databases import addresses, without_certificates
    from tests.faults.private import private

    if url is None and name == "postgresql":
        with private(Stock) as server:
            yield server.url
        return
    url = url or addresses(name)[0]
    yield without_certificates(url) if name == "mariadb" else url


def report(sites: Sequence[Site], results: Results, left: dict[str, dict[str, float]]) -> str:
    """All figures, as Markdown: medians, with the least and the most."""
    first = sites[0].rows
    lines = [
        "| | " + " | ".join(f"{site.rows:,} records" for site in sites) + " |",
        "|---" * (len(sites) + 1) + "|",
    ]

    def row(name: str, cells: Iterator[str]) -> None:
        lines.append(f"| {name} | {' | '.join(cells)} |")

    for kind, found in (("Fresh keys", results.fresh), ("Replays", results.replays)):
        loads = [found[site.rows] for site in sites]
        row(f"{kind} a second", (shown(load.rates, 0) for load in loads))
        row(f"{kind}, to the smallest", (ratios(load, found[first]) for load in loads))
        row(f"{kind}, p50, p99 ms", map(milliseconds, loads))
    for part in sites[-1].sizes:
        row(f"Bytes of a record: {part}", (str(site.sizes.get(part, "-")) for site in sites))
    lines += ["", "| | |", "|---|---|"]
    row("64 clients to 8, fresh keys a second", iter([ratios(results.many, results.fresh[first])]))
    row("64 clients, p50, p99 ms", iter([milliseconds(results.many)]))
    for name, load in results.crowd.items():
        row(f"p99 ms of fresh keys while 200 clients ask for {name}", iter([shown(load.percentiles(99))]))
    one, many = (median(load.percentiles(99)) for load in results.crowd.values())
    row("the first to the second, of the medians", iter([f"{one / many:.2f}"]))
    if left:
        lines += ["", f"| | {' | '.join(next(iter(left.values())))} |", "|---|---|---|---|---|---|"]
        for name, counts in left.items():
            row(name, (f"{count:.2f}" for count in counts.values()))
    return "\n".join(lines)


def as_json(results: Results) -> dict[str, object]:
    """All figures; rates round by round."""
    groups: Mapping[str, Mapping[Any, Load]] = {
        "fresh": results.fresh,
        "replays": results.replays,
        "crowd": results.crowd,
    }
    told = {name: {key: load.as_json for key, load in group.items()} for name, group in groups.items()}
    return {**told, "many": results.many.as_json}


def milliseconds(load: Load) -> str:
    return f"{load.percentile(50):.1f}, {load.percentile(99):.1f}"


def ratios(own: Load, others: Load) -> str:
    return shown([each / other for each, other in zip(own.rates, others.rates, strict=True)], 2)


def shown(values: Sequence[float], digits: int = 1) -> str:
    least, middle, most = (f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} ({least}-{most})"


if __name__ == "__main__":
    main()
