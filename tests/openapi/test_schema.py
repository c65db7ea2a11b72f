"""The schema of a project that has set nothing up for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT

GOLDEN = Path(__file__).parent / "schema.yml"


def published(path: Path) -> str:
    """What drf-spectacular's own command makes of the project; it fails on whatever is invalid or warned of."""
    command = ["spectacular", "--validate", "--fail-on-warn", "--file", str(path)]
    done = subprocess.run(
        [sys.executable, "-m", "django", *command],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.openapi.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return path.read_text(encoding="utf-8")


def test_the_schema_of_a_project(tmp_path: Path) -> None:
    """Each kind of guarded view tells of its key, its refusals and its headers, and nothing else changes."""
    schema = published(tmp_path / "schema.yml")
    if not GOLDEN.exists():
        GOLDEN.write_text(schema, encoding="utf-8")
        pytest.fail(f"{GOLDEN} was missing, and has been written: read it, and add it to the commit.")
    assert schema == GOLDEN.read_text(encoding="utf-8")
