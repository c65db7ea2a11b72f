"""
The shapes of the claim on PostgreSQL, side by side with the bare view, in one alternating run.

    python -m benchmarks.shapes --database-url postgres://postgres@127.0.0.1/benchmark_idempotency

The database of the URL is made for the run and dropped after it. Each view is called in this process, without a
server in front, so that what is compared is the hot path and its database.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

URL = "postgres://postgres@127.0.0.1/benchmark_idempotency"


@contextmanager
def database(url: str) -> Iterator[None]:
    """Make the database, set Django up on it, and drop it."""
    import psycopg

    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as session:
        session.execute(f'DROP DATABASE IF EXISTS "{name}"')
        session.execute(f'CREATE DATABASE "{name}"')
        os.environ.update(DATABASE_URL=url, DJANGO_SETTINGS_MODULE="tests.settings")
        import django
        from django.core.management import call_command
        from django.db import connection

        django.setup()
        call_command("migrate", run_syncdb=True, verbosity=0)
        try:
            yield
        finally:
            connection.close()
            session.execute(f'DROP DATABASE "{name}"')


def measured(call: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU microseconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - wall) * 1e6, (time.process_time() - cpu) * 1e6


def run(rounds: int, requests: int) -> None:
    from rest_framework.test import APIRequestFactory

    from benchmarks.variants import SHAPES, bare_views, guarded_view, shaped

    factory = APIRequestFactory()
    walls: dict[tuple[str, str], list[float]] = defaultdict(list)
    cpus: dict[tuple[str, str], list[float]] = defaultdict(list)

    def one_round(name: str, view: Callable[..., Any], keys: list[str], kind: str) -> None:
        sent = [
            factory.post("/insert/", {"amount": 1}, format="json", headers={"Idempotency-Key": k})
            for k in keys
        ]
        figures = [measured(lambda request=request: view(request)) for request in sent]  # type: ignore[misc]
        walls[name, kind].append(statistics.median(wall for wall, _ in figures))
        cpus[name, kind].append(statistics.mean(cpu for _, cpu in figures))

    contestants = [*bare_views().items(), *((name, guarded_view()) for name in SHAPES)]
    for number in range(rounds + 1):
        turn = number % len(contestants)
        for name, view in contestants[turn:] + contestants[:turn]:  # no shape always comes after the same one
            keys = [uuid.uuid4().hex for _ in range(requests)]
            with shaped(name):
                one_round(name, view, keys, "fresh")
                one_round(name, view, keys, "replay")
        if number == 0:  # the first round warms everything up
            walls.clear()
            cpus.clear()
    report(walls, cpus)


def report(walls: dict[tuple[str, str], list[float]], cpus: dict[tuple[str, str], list[float]]) -> None:
    """Print a table of medians, and of ratios to the bare view of the same round."""
    base_wall, base_cpu = walls["bare", "fresh"], cpus["bare", "fresh"]
    print("| shape | request | median µs | throughput, ratio to bare (min-max) | CPU, ratio to bare |")
    print("|---|---|---|---|---|")
    for (name, kind), wall in walls.items():
        if name.startswith("bare") and kind == "replay":
            continue  # a bare view knows no replay
        ratios = [base / own for base, own in zip(base_wall, wall, strict=True)]
        cpu = statistics.median(own / base for base, own in zip(base_cpu, cpus[name, kind], strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        print(f"| {name} | {kind} | {statistics.median(wall):.0f} | {spread} | {cpu:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database-url", default=URL, help="made for the run, and dropped after it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--requests", type=int, default=200, help="fresh ones and replays, of each shape in a round"
    )
    options = parser.parse_args()
    with database(options.database_url):
        run(options.rounds, options.requests)


if __name__ == "__main__":
    main()
