"""What a person at a terminal sees of `manage.py idempotency`, and a program does not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from django_idempotency.models import IdempotencyPurge
from tests.operate.records import completed, keys, leased
from tests.rig import Database
from tests.servers import ROOT, environment

pytestmark = pytest.mark.databases("sqlite")

# A program that does what manage.py does; without rich, as if that were not installed.
MANAGE = "from django.core.management import execute_from_command_line; execute_from_command_line()"
WITHOUT_RICH = f"import sys; sys.modules['rich'] = None; {MANAGE}"


def at_terminal(
    database: Database, *arguments: str, typed: str = "", code: str = MANAGE
) -> tuple[int, str, str]:
    """Run it with stdin and stderr at a terminal: its status, its stdout, and what the terminal has shown."""
    mine, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code, "idempotency", *arguments],
        cwd=ROOT,
        env=environment(database, {"TERM": "xterm", "COLUMNS": "100", "PYTHONWARNINGS": "error"}),
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=its,
    )
    os.close(its)
    os.write(mine, typed.encode())
    shown = b""
    with suppress(OSError):  # how the end of a terminal looks on Linux
        while chunk := os.read(mine, 4096):
            shown += chunk
    os.close(mine)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out.decode(), shown.decode()


def test_a_bar_at_a_terminal(database: Database) -> None:
    """There is a bar on stderr, so that stdout is the result alone."""
    for number in range(3):
        completed(f"key-{number}", age=timedelta(days=2))
    status, out, shown = at_terminal(database, "purge", "--batch", "1", "--json")
    assert (status, '"expired": 3' in out, "\x1b" in out) == (0, True, False)
    assert "━" in shown
    assert "100%" in shown


def test_lines_without_rich(database: Database) -> None:
    """Where rich is not installed, lines say how far it has come."""
    for number in range(3):
        completed(f"key-{number}", age=timedelta(days=2))
    status, out, shown = at_terminal(database, "purge", "--batch", "1", code=WITHOUT_RICH)
    assert (status, out) == (0, "Removed 3 expired records, and made 0 tombstones.\n")
    assert "1 of 3: 0 tombstones made" in shown


def test_nothing_elsewhere(database: Database) -> None:
    """Where nobody looks, as under cron, stderr stays empty."""
    completed("key-1", age=timedelta(days=2))
    done = subprocess.run(
        [sys.executable, "manage.py", "idempotency", "purge"],
        cwd=ROOT,
        env=environment(database, {}),
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert (done.stdout, done.stderr) == ("Removed 1 expired record, and made 0 tombstones.\n", "")
    assert IdempotencyPurge.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "status", "left"), [("yes\n", 0, set()), ("y\n", 1, {"key-1"}), ("\4", 1, {"key-1"})]
)
def test_erasing_asks(database: Database, typed: str, status: int, left: set[str]) -> None:
    """At a terminal it asks, and takes nothing but "yes" for one."""
    completed("key-1")
    ended, out, shown = at_terminal(database, "erase", "--scope", "alice", typed=typed)
    assert ended == status
    assert "This removes 1 record and 0 audit lines of alice. Type yes to go on:" in shown
    assert ("Nothing was removed." in shown) == bool(left)
    assert (out == "") == bool(left)
    assert keys() == left


@pytest.mark.parametrize(("typed", "status", "left"), [("yes\n", 0, set()), ("no\n", 1, {"key-1"})])
def test_releasing_asks(database: Database, typed: str, status: int, left: set[str]) -> None:
    """At a terminal it shows what it found, says what will happen, and asks."""
    unknown = leased("key-1", left=None)
    ended, out, shown = at_terminal(database, "release", unknown.pk[:28], "--why", "Asked.", typed=typed)
    assert ended == status
    assert f"{unknown.pk[:28]}  unknown  POST orders  alice" in shown
    assert "the next request with it runs, as if there had been none before. Type yes to go on:" in shown
    assert (out == f"Released {unknown.pk[:28]}.\n") == (not left)
    assert ("Nothing was changed." in shown) == bool(left)
    assert keys() == left


def test_without_celery_beat(database: Database) -> None:
    """Without django-celery-beat in the project, `schedule` says what to install, and does nothing."""
    status, out, shown = at_terminal(database, "schedule")
    assert (status, out) == (1, "")
    assert "django-idempotency[beat]" in shown
    assert "INSTALLED_APPS" in shown


def test_without_celery_at_all(database: Database) -> None:
    """All but the task works where Celery is not installed."""
    completed("key-1", age=timedelta(days=2))
    code = f"import sys; sys.modules['celery'] = sys.modules['django_celery_beat'] = None; {MANAGE}"
    status, out, _ = at_terminal(database, "purge", code=code)
    assert (status, out) == (0, "Removed 1 expired record, and made 0 tombstones.\n")
