"""
How long the pages of the admin keep PostgreSQL busy, over a table of millions of records.

    python -m benchmarks.admin --records 5000000

The database of the URL is made for the run and dropped after it. Each page is asked for as a browser would; what is
told is the sum of the times of its statements, and the run fails where one page takes longer than `--most`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.records import GONE, LARGE, OFTEN, fill
from benchmarks.shapes import database

URL = "postgres://postgres@127.0.0.1/benchmark_idempotency_admin"
LIST = "/admin/django_idempotency/idempotencyrecord/"


class Page(NamedTuple):
    """What is asked for, in words and in the URL."""

    words: str
    query: dict[str, str] | None = None
    path: str = ""


class Figures(NamedTuple):
    """How often the database was asked for one page, and for how many milliseconds."""

    statements: int
    milliseconds: float
    slowest: str


def pages() -> Iterator[Page]:
    """The list, each choice of each filter, filters together, filters that find nothing, and searches."""
    from django_idempotency.admin.filters import FILTERS
    from django_idempotency.models import IdempotencyRecord

    yield Page("list and dashboard")
    yield Page("list, page 100", {"p": "100"})
    for each in FILTERS:
        filter: Any = each(None, {}, IdempotencyRecord, None)  # type: ignore[arg-type]
        # Of the endpoints, the first two stand for all.
        for value, name in filter.lookup_choices[:2] if filter.title == "endpoint" else filter.lookup_choices:
            yield Page(f"{filter.title}: {name}", {filter.parameter_name: value})
    yield Page("endpoint that no record has", {"endpoint": "POST nowhere"})
    yield Page("unknown, of one endpoint", {"state": "unknown", "endpoint": "POST 1"})
    yield Page("expired, of an endpoint that no record has", {"state": "expired", "endpoint": "POST nowhere"})
    yield Page("leased, over a day old, 4xx", {"mode": "leased", "age": "over-day", "status": "4xx"})
    records = IdempotencyRecord.objects.order_by("created_at")
    one = records.filter(key__startswith="key-", resource_type="app.effect")[1000]
    yield Page("key", {"q": one.key})
    yield Page("key that many have", {"q": OFTEN})
    yield Page("key that nobody has", {"q": "nobody's"})
    yield Page("id, as a log shows it", {"q": one.pk[:24]})
    yield Page("object", {"q": f"app.effect:{one.resource_id}"})
    yield Page("object, by its id alone", {"q": one.resource_id})
    yield Page("scope", {"q": "organization:7"})
    yield Page("scope of very many", {"q": LARGE})
    yield Page("scope of very many, unknown", {"q": LARGE, "state": "unknown"})
    yield Page("scope of very many, 5xx", {"q": LARGE, "status": "5xx"})
    yield Page("scope of very many, all of them old", {"q": GONE})
    yield Page("scope of very many, all of them old, further back", {"q": GONE, "age": "over-day"})
    yield Page("one record", path=f"{one.pk}/change/")
    yield Page("its stored response", path=f"{one.pk}/response/")


@contextmanager
def measured() -> Iterator[list[tuple[float, str]]]:
    """Take the time of each statement."""
    from django.db import connection

    taken: list[tuple[float, str]] = []

    def take(execute: Any, sql: str, *rest: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            taken.append(((time.perf_counter() - began) * 1000, sql))

    with connection.execute_wrapper(take):
        yield taken


def ask(client: Any, page: Page) -> Figures:
    with measured() as taken:
        response = client.get(f"{LIST}{page.path}", page.query)
    if response.status_code != 200:
        raise RuntimeError(f"{page.words}: {response.status_code}")
    return Figures(len(taken), sum(each for each, _ in taken), max(taken)[1])


def run(records: int, rounds: int, most: float, explain: bool) -> bool:
    from django.contrib.auth.models import User
    from django.test import Client, override_settings

    began = time.monotonic()
    fill(records)
    print(f"{records} records, made in {time.monotonic() - began:.0f} s.\n")
    user = User.objects.create(username="admin", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    slow = []
    print("| Page | Statements | First, ms | Median, ms |")
    print("|---|---|---|---|")
    with override_settings(ROOT_URLCONF="tests.desk.site"):
        ask(client, Page("warm"))  # imports, permissions, content types
        for page in pages():
            figures = [ask(client, page) for _ in range(rounds)]
            median = statistics.median(each.milliseconds for each in figures)
            print(
                f"| {page.words} | {figures[0].statements} | {figures[0].milliseconds:.0f} | {median:.0f} |"
            )
            if max(each.milliseconds for each in figures) > most:
                slow.append((page, max(figures, key=lambda each: each.milliseconds)))
    for page, figure in slow:
        print(
            f"\nMore than {most:.0f} ms: {page.words}, {figure.milliseconds:.0f} ms. Its slowest statement:"
        )
        print(figure.slowest if explain else figure.slowest[:300])
    return not slow


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database-url", default=URL, help="made for the run, and dropped after it")
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="how often each page is asked for")
    parser.add_argument("--most", type=float, default=300.0, help="milliseconds that a page may take")
    options = parser.parse_args()
    with database(options.database_url):
        if not run(options.records, options.rounds, options.most, explain=True):
            sys.exit(1)


if __name__ == "__main__":
    main()
