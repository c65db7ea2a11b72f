"""
Where the processor time of a guarded request goes, step by step.

    python -m benchmarks.steps --database-url postgres://postgres@127.0.0.1/benchmark_idempotency

The database of the URL is made for the run and dropped after it. A view is called in this process; in each round each
step is timed in requests of its own, so that no clock is inside another's time.
"""

from __future__ import annotations

import argparse
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from benchmarks.shapes import URL, database

# What is called once by a request, and its place in the walk. A step includes those that are further in.
STEPS = {
    "the whole view": "benchmarks.variants.Guarded.dispatch",
    "DRF's own part before the handler": "rest_framework.views.APIView.initial",
    "the guard and the handler": "django_idempotency.drf.answer",
    "key": "django_idempotency.engine.read_key",
    "scope": "django_idempotency.scopes.resolve",
    "fingerprint, with the parsing of the body": "django_idempotency.fingerprints.take",
    "claim: one message, with BEGIN": "django_idempotency.claims.postgresql.PostgreSQLClaims.claim",
    "read: one message": "django_idempotency.work.Work.read",
    "the handler, rendered": "django_idempotency.drf.DRFCall.run",
    "what is kept of the response": "django_idempotency.drf.DRFCall.capture",
    "store: one message, with COMMIT": "django_idempotency.claims.postgresql.PostgreSQLClaims.write",
    "headers of the answer": "django_idempotency.http._dressed",
    "counts and signals": "django_idempotency.events.tell",
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--database-url", default=URL, help="made for the run, and dropped after it")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=100, help="of each step in each round")
    options = parser.parse_args()
    with database(options.database_url):
        print("| µs of processor time | fresh key | replay |", "|---|---|---|", sep="\n")
        for name, (fresh, replay) in measured(options.rounds, options.requests).items():
            print(f"| {name} | {fresh} | {replay} |")


def measured(rounds: int, requests: int) -> dict[str, tuple[str, str]]:
    """The median of the rounds for each step, or a dash where a request does not come by."""
    from rest_framework.test import APIRequestFactory

    from benchmarks.variants import guarded_view

    view, factory = guarded_view(), APIRequestFactory()
    known = uuid.uuid4().hex
    times: dict[tuple[str, str], list[float]] = defaultdict(list)

    def ask(key: str) -> None:
        request = factory.post("/insert/", {"amount": 1}, format="json", headers={"Idempotency-Key": key})
        if view(request).status_code != 201:
            raise RuntimeError("the view does not answer with 201")

    ask(known)
    for number in range(rounds + 1):  # the first one warms everything up
        for name, target in STEPS.items():
            for kind in ("fresh", "replay"):
                with timed(target) as spent:
                    for _ in range(requests):
                        ask(known if kind == "replay" else uuid.uuid4().hex)
                if number and spent:
                    times[name, kind].append(sum(spent) / requests)
    return {name: (shown(times[name, "fresh"]), shown(times[name, "replay"])) for name in STEPS}


@contextmanager
def timed(target: str) -> Iterator[list[float]]:
    """The microseconds that each call of a function takes within the block."""
    from pkgutil import resolve_name

    original: Callable[..., Any] = resolve_name(target)
    spent: list[float] = []

    def instead(*args: Any, **kwargs: Any) -> Any:
        began = time.thread_time_ns()
        try:
            return original(*args, **kwargs)
        finally:
            spent.append((time.thread_time_ns() - began) / 1000)

    with patch(target, instead):
        yield spent


def shown(rounds: list[float]) -> str:
    return f"{statistics.median(rounds):.0f}" if rounds else "-"


if __name__ == "__main__":
    main()
