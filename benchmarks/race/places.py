"""Where the contestants keep their rows: servers that are started for the run, or named by URL."""

from __future__ import annotations

import base64
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import psycopg
import redis

from tests.faults.private import Missing, PrivatePostgreSQL, find, private
from tests.servers import PATIENCE, PAUSE, listening


class Stock(PrivatePostgreSQL):
    """As it is when newly installed: every commit waits for the disk. There is a connection for each thread of all."""

    settings: ClassVar[dict[str, str]] = {"max_connections": "300"}


@dataclass(frozen=True, slots=True)
class Places:
    """
    The servers of a run.

    Attributes:
        postgresql: a URL without a database; each contestant gets one of its own.
        redis: a URL; every contestant may write there. Empty where none takes part that needs it.
        secret: of this run, for whatever needs one; a key of Fernet's.
    """

    postgresql: str
    redis: str
    secret: str

    def of(self, contestant: str, port: int | None = None) -> dict[str, Any]:
        """
        What the project of a contestant is told.

        Args:
            port: of a proxy in front of PostgreSQL.
        """
        url = urlsplit(self.postgresql)
        at = port or url.port or 5432
        return {
            "contestant": contestant,
            "database": {
                "NAME": name(contestant),
                "HOST": "127.0.0.1" if port else url.hostname,
                "PORT": at,
                "USER": url.username or "",
                "PASSWORD": url.password or "",
            },
            "url": f"postgresql://{url.netloc.rpartition(':')[0]}:{at}/{name(contestant)}",
            "redis": self.redis,
            "secret": self.secret,
        }

    def session(self, contestant: str = "") -> psycopg.Connection[tuple[Any, ...]]:
        """A session of the run's own, in a contestant's database."""
        return psycopg.connect(
            f"{self.postgresql}{name(contestant) if contestant else 'postgres'}", autocommit=True
        )

    @property
    def versions(self) -> dict[str, str]:
        """Of the servers."""
        with self.session() as session:
            found = {"PostgreSQL": str(session.info.parameter_status("server_version")).split()[0]}
        if self.redis:
            found["Redis"] = redis.Redis.from_url(self.redis).info("server")["redis_version"]
        return found

    @contextmanager
    def databases(self, contestants: list[str]) -> Iterator[None]:
        """Make an empty database for each, and drop them."""
        with self.session() as session:
            for contestant in contestants:
                session.execute(f'DROP DATABASE IF EXISTS "{name(contestant)}" WITH (FORCE)')
                session.execute(f'CREATE DATABASE "{name(contestant)}"')
            yield
            for contestant in contestants:
                session.execute(f'DROP DATABASE "{name(contestant)}" WITH (FORCE)')


def name(contestant: str) -> str:
    return f"benchmark_race_{contestant.replace('-', '_')}"


@contextmanager
def places(postgresql: str | None, redis_url: str | None, *, needs_redis: bool) -> Iterator[Places]:
    """The servers of these URLs; where there is none, one is started, and stopped after the run."""
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    with _postgresql(postgresql) as database, _redis(redis_url, needed=needs_redis) as store:
        yield Places(database, store, secret)


@contextmanager
def _postgresql(url: str | None) -> Iterator[str]:
    if url:
        yield f"{url.rstrip('/')}/"
        return
    with private(Stock) as server:
        yield server.url


@contextmanager
def _redis(url: str | None, *, needed: bool) -> Iterator[str]:
    if url or not needed:
        yield url or ""
        return
    with listening() as listener:
        port = listener.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="idempotency-redis-") as folder:
        options = ("--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "")
        program: Path = find("redis-server", "/usr/bin", "/usr/local/bin")
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            address = f"redis://127.0.0.1:{port}/0"
            _wait(redis.Redis.from_url(address), process)
            yield address
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(client: redis.Redis, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.ping()
        except redis.ConnectionError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Missing(f"redis-server does not answer: {error}") from error
            time.sleep(PAUSE)
        else:
            return
