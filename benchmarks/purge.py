"""
How fast a purge removes what has expired, and what live requests feel of it.

    python -m benchmarks.purge --database postgresql --rows 1000000

The database is made for the run, filled, and dropped after it. First the purge runs beside a server that is asked at
half of its capacity, in rounds without and with it; then in this process, at its default pacing and without any.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

from testproject import mysql

if TYPE_CHECKING:
    from benchmarks.rates import Rate
    from benchmarks.rounds import Effect
    from tests.rig import Database

NAME = "benchmark_idempotency_purge"


def main() -> None:
    options = arguments()
    with database(options.database, options.database_url, keep=options.keep) as made:
        from benchmarks.filling import fill
        from benchmarks.rates import rate
        from benchmarks.rounds import effect
        from django_idempotency.models import IdempotencyRecord
        from django_idempotency.purge import REST

        if not IdempotencyRecord.objects.exists():
            fill(options.rows)
        # In this order: the database is busy for minutes with what a purge without rest has left behind.
        felt = effect(made, rounds=options.rounds, seconds=options.seconds) if options.rounds else None
        rates = [rate(rest, options.seconds) for rest in (REST, 0.0)] if options.seconds else []
    figures = {"rates": [of_rate(each) for each in rates], "effect": of_effect(felt) if felt else {}}
    print(json.dumps(figures, indent=2) if options.json else table(figures))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database", choices=("postgresql", "mariadb"), default="postgresql")
    parser.add_argument("--database-url", help="made for the run, and dropped after it")
    parser.add_argument("--rows", type=int, default=1_000_000, help="four fifths of them expired")
    parser.add_argument("--rounds", type=int, default=5, help="of either kind; 0: only the rates")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each purge and of each round")
    parser.add_argument(
        "--keep", action="store_true", help="do not drop the database; take one that is there"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def database(name: str, url: str | None, *, keep: bool) -> Iterator[Database]:
    """Make the database, set Django up on it, and drop it; one that is kept may be there already."""
    mysql.install()
    from tests.database_server import Session, with_database
    from tests.databases import addresses, without_certificates

    url = url or with_database(addresses(name)[0], NAME)
    url = without_certificates(url) if name == "mariadb" else url
    os.environ.update(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.rig import Database

    own = str(connection.settings_dict["NAME"])
    with Session(name, with_database(url, "postgres" if name == "postgresql" else "")) as session:
        if not keep:
            session.drop(own)
        if own not in session.databases():
            session.create(own)
        call_command("migrate", run_syncdb=True, verbosity=0)
        try:
            yield Database(name, url)
        finally:
            connection.close()
            if not keep:
                session.drop(own)


def of_rate(rate: Rate) -> dict[str, Any]:
    return {
        "rest": rate.rest,
        "seconds": round(rate.seconds, 1),
        "removed": rate.removed,
        "removed a second": round(rate.a_second),
        "ms from batch to batch, first half": round(rate.first, 1),
        "ms from batch to batch, second half": round(rate.second, 1),
    }


def of_effect(effect: Effect) -> dict[str, Any]:
    kinds = {"without": effect.without, "beside": effect.beside}
    return {
        "capacity a second": round(effect.capacity),
        "removed a second": round(median(effect.removed)),
        **{
            f"p50 ms {kind}": [round(each.p50 * 1000, 1) for each in rounds] for kind, rounds in kinds.items()
        },
        **{
            f"p99 ms {kind}": [round(each.p99 * 1000, 1) for each in rounds] for kind, rounds in kinds.items()
        },
        **{f"in time {kind}": [round(each.in_time, 3) for each in rounds] for kind, rounds in kinds.items()},
        "p99, ratio of the medians": round(effect.slower, 2),
        "in time, ratio of the medians": round(effect.throughput, 3),
    }


def table(figures: dict[str, Any]) -> str:
    """All figures, each in a line, the medians of rounds before the rounds."""
    lines = ["| | |", "|---|---|"]
    for group in (*figures["rates"], figures["effect"]):
        for name, value in group.items():
            shown = f"{median(value):g} ({', '.join(map(str, value))})" if isinstance(value, list) else value
            lines.append(f"| {name} | {shown} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
