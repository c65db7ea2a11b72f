"""The database that the demo plays on."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url
from django.db import DEFAULT_DB_ALIAS, Error
from django.db.utils import ConnectionHandler

# Where manage.py is.
ROOT = Path(__file__).resolve().parent.parent.parent


class Unprepared(Exception):
    """The database could not be made ready."""


def create_if_missing(url: str) -> None:
    """Create the database that a URL names; SQLite does so by itself."""
    try:
        create(dict(dj_database_url.parse(url)))
    except (ValueError, Error) as error:
        raise Unprepared(f"No database at {url}: {error}") from error


def create(config: dict[str, Any]) -> None:
    if config["ENGINE"].endswith("sqlite3"):
        return
    if config["ENGINE"].endswith("mysql"):
        from testproject import mysql

        mysql.install()
    connection = ConnectionHandler({DEFAULT_DB_ALIAS: config})[DEFAULT_DB_ALIAS]
    name = connection.ops.quote_name(config["NAME"])
    # Django's way to a server that may not have the database yet; its own test runner begins like this.
    with connection._nodb_cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {name} CHARACTER SET utf8mb4")
        else:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [config["NAME"]])
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {name}")


def prepare(environment: Mapping[str, str]) -> None:
    """Migrate and seed the database of an environment."""
    done = subprocess.run(
        [sys.executable, "-m", "testproject.demo.preparing"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unprepared(f"The database could not be migrated and seeded:\n{done.stderr.strip()}")


def environment(url: str | None, folder: Path) -> dict[str, str]:
    """Tell what the server and its commands see: this environment, on the demo's database."""
    return {
        **os.environ,
        "DATABASE_URL": url or f"sqlite:///{folder / 'demo.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "testproject.settings",
        "DEBUG": "1",
        # The demo plays in process, whatever broker there is.
        "CELERY_BROKER_URL": "",
        # Whoever comes back after a killed worker in mode leased waits for the end of its lease, so that is short
        # here. It may be, because the one long thing that such a request does, a call, is given up still sooner. The
        # server itself would let a request run for longer (see serving.py), and one that outlives its lease, as a
        # paused process does, costs its own answer and no second charge.
        "PAYMENTS_LEASE": "4",
        "REQUEST_TIMEOUT": "3",
        "PAYMENT_PROVIDER_TIMEOUT": "2",
    }
