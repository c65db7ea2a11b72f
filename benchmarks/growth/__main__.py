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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from testproject import mysql

if TYPE_CHECKING:
    from benchmarks.growth.rounds import Results
    from benchmarks.growth.site import Site
    from benchmarks.race.rounds import Figures


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
        results = measure(sites, options.rounds, options.seconds, folder / "client")
        url = sites[0].database.url
        left = told(url, "benchmarks.growth.tuples") if options.database == "postgresql" else {}
    if options.json:
        sizes = {each.rows: each.sizes for each in sites}
        print(json.dumps({**vars(results), "sizes": sizes, "tuples": left}, indent=2))
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
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load in each round")
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
        row(f"{kind} a second", (shown([each.rate for each in found[site.rows]], 0) for site in sites))
        row(f"{kind}, to the smallest", (ratios(found[site.rows], found[first]) for site in sites))
        row(f"{kind}, p50 ms", (shown([each.p50 for each in found[site.rows]]) for site in sites))
        row(f"{kind}, p99 ms", (shown([each.p99 for each in found[site.rows]]) for site in sites))
    for part in sites[-1].sizes:
        row(f"Bytes of a record: {part}", (str(site.sizes.get(part, "-")) for site in sites))
    lines += ["", "| | |", "|---|---|"]
    row("64 clients to 8, fresh keys a second", iter([ratios(results.many, results.fresh[first])]))
    row("64 clients, p99 ms", iter([shown([each.p99 for each in results.many])]))
    one, many = results.crowd.values()
    for name, beside in results.crowd.items():
        heading = f"p99 ms of fresh keys while 200 clients ask for {name}"
        row(heading, iter([shown([each.p99 for each in beside])]))
    row("the first to the second, of the medians", iter([f"{p99(one) / p99(many):.2f}"]))
    if left:
        lines += ["", f"| | {' | '.join(next(iter(left.values())))} |", "|---|---|---|---|---|---|"]
        for name, counts in left.items():
            row(name, (f"{count:.2f}" for count in counts.values()))
    return "\n".join(lines)


def p99(found: Sequence[Figures]) -> float:
    return median(each.p99 for each in found)


def ratios(own: Sequence[Figures], others: Sequence[Figures]) -> str:
    return shown([each.rate / other.rate for each, other in zip(own, others, strict=True)], 2)


def shown(values: Sequence[float], digits: int = 1) -> str:
    least, middle, most = (f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle} ({least}-{most})"


if __name__ == "__main__":
    main()
