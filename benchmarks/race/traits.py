"""What a request of a contestant costs that does not drift: counted at the servers, and on the way to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis

from benchmarks.programs import Pipe
from benchmarks.race.places import Places
from benchmarks.race.site import Site
from tests.budgets.wire import Proxy, Traffic

# Requests between two looks at the position of the log, and at the counter of Redis.
MANY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Of one request; `redis` are commands, `wal` bytes."""

    statements: int
    round_trips: int
    commits: int
    redis: int
    wal: int


class Inside:
    """A contestant in a process of its own, that is asked without a server."""

    def __init__(self, site: Site, port: int | None = None) -> None:
        self._pipe = Pipe([site.python, "-m", "benchmarks.race.inside"], site.environment(port), site.log)

    def ask(self, number: int, key: str = "") -> float:
        """
        Let it have so many requests; the microseconds of processor time that each took.

        Raises:
            RuntimeError: it has answered with something else than 201.
        """
        return float(self._pipe.ask(f"{number} {key}"))

    def close(self) -> None:
        self._pipe.close()


def traits(site: Site) -> dict[str, Traits]:
    """Of a fresh key, and of a replay, where there is one."""
    with _wire(site.places) as proxy:
        inside = Inside(site, port=proxy.port)
        try:
            found = {"fresh": _traits(site, inside, proxy, "")}
            if site.contestant.replays:
                found["replay"] = _traits(site, inside, proxy, str(uuid.uuid4()))
        finally:
            inside.close()
    return found


def _traits(site: Site, inside: Inside, proxy: Proxy, key: str) -> Traits:
    inside.ask(2, key)  # what is asked once by each process is not a request's
    inside.ask(2, key)
    proxy.traffic = traffic = Traffic()
    inside.ask(1, key)
    proxy.traffic = Traffic()
    with site.places.session() as session:
        before = position(session), commands(site.places)
        inside.ask(MANY, key)
        after = position(session), commands(site.places)
    return Traits(
        statements=len(traffic.statements),
        round_trips=traffic.round_trips,
        commits=traffic.commits,
        redis=round((after[1] - before[1]) / MANY),
        wal=round((after[0] - before[0]) / MANY),
    )


@contextmanager
def _wire(places: Places) -> Iterator[Proxy]:
    url = urlsplit(places.postgresql)
    proxy = Proxy((url.hostname or "127.0.0.1", url.port or 5432), mysql=False)
    try:
        yield proxy
    finally:
        proxy.close()


def position(session: Any) -> int:
    """The end of the write-ahead log, in bytes."""
    return int(session.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()[0])


def commands(places: Places) -> int:
    """How many commands Redis has had."""
    return redis.Redis.from_url(places.redis).info("stats")["total_commands_processed"] if places.redis else 0
