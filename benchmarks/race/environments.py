"""A virtual environment for each release that is compared, with the versions of everything else that this run has."""

from __future__ import annotations

import os
import sys
import venv
from importlib.metadata import version
from pathlib import Path

from benchmarks.programs import run

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "django-idempotency-benchmarks")
SAME = ("Django", "djangorestframework", "psycopg", "psycopg-binary", "gunicorn")
# For those whose records are in Redis.
REDIS = ("django-redis", "redis[hiredis]")


def python(requires: str | None, folder: Path = FOLDER) -> Path:
    """
    The interpreter for a contestant; its environment is made where it is not there yet.

    Raises:
        RuntimeError: it could not be made.
    """
    if requires is None:
        return Path(sys.executable)
    wanted = "\n".join((requires, *(f"{name}=={version(name)}" for name in SAME), *REDIS))
    home = folder / requires.replace("[", "-").replace("]", "").replace(",", "-")
    made, interpreter = home / "made", home / "bin" / "python"
    if not made.is_file() or made.read_text() != wanted:
        print(f"An environment for {requires} ...", file=sys.stderr)
        venv.create(home, with_pip=True, clear=True)
        run([interpreter, "-m", "pip", "install", "--quiet", *wanted.split()], os.environ)
        made.write_text(wanted)
    return interpreter
