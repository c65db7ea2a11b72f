"""Play the demo on a database of its own: `demo.py sqlite`. Fails unless every verdict is ok."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from testproject import mysql
from tests.database_server import Session, with_database
from tests.databases import Run

ROOT = Path(__file__).resolve().parent.parent


def main(name: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "testproject.settings")
    mysql.install()
    run = Run()
    try:
        if missing := run.found.missing(name):
            print(missing)
            return 1
        return judge(play(create(run, name)))
    finally:
        run.end()


def create(run: Run, name: str) -> list[str]:
    """Return the options of the command; the run drops the database at its end."""
    if name == "sqlite":
        return []
    database = f"test_idempotency_{run.found.run}_demo"
    with Session(name, run.found.urls[name]) as session:
        session.create(database)
    return ["--database-url", with_database(run.found.urls[name], database)]


def play(options: list[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "demo", "--json", *options]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)


def judge(done: subprocess.CompletedProcess[str]) -> int:
    rows = json.loads(done.stdout)["rows"] if done.stdout else []
    bad = [row for row in rows if row["verdict"] != "ok"]
    print(f"{len(rows) - len(bad)} of {len(rows)} verdicts are ok; exit status {done.returncode}")
    for row in bad:
        print(json.dumps(row))
    return 0 if rows and not bad and done.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
