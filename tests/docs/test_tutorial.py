"""The tutorial, followed step by step in an empty folder."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.docs.curl import assert_shown, conversations, send
from tests.docs.pages import ROOT, page

TUTORIAL = page("docs/tutorial/first-endpoint.md")
# Whoever runs the tests has an environment, with everything in it.
MADE_ALREADY = ("mkdir ", "python -m venv ", "pip install ")
PATIENCE = 30.0


class Reader:
    """Somebody who follows the tutorial."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        unwanted = {"DJANGO_SETTINGS_MODULE"}
        inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
        self.environ = {**inherited, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        self.server: subprocess.Popen[bytes] | None = None
        self.port = 0

    def write(self, path: str, text: str, *, append: bool) -> None:
        """Change a file. The server is started anew before the next request, as it would start itself."""
        self.stop()
        with (self.folder / path).open("a" if append else "w") as file:
            file.write(text)

    def command(self, line: str) -> None:
        """Type a command."""
        if line.startswith(MADE_ALREADY) or line == "python manage.py runserver":
            return  # the server starts when somebody asks it
        words = shlex.split(line)
        environ = dict(self.environ)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            environ[name] = value
        program = {"python": [sys.executable], "django-admin": [sys.executable, "-m", "django"]}[words[0]]
        done = subprocess.run(
            [*program, *words[1:]], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    def client(self) -> httpx.Client:
        """Ask the server."""
        if self.server is None:
            self._start()
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=PATIENCE)

    def stop(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=PATIENCE)
            self.server = None

    def _start(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.server = subprocess.Popen(
            [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.server.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            time.sleep(0.02)
        raise AssertionError("the server of the tutorial does not start")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    reader = Reader(tmp_path)
    yield reader
    reader.stop()


def test_every_step_gives_what_is_shown(reader: Reader) -> None:
    """From an empty folder to a retried POST: each command works, and each answer is the one on the page."""
    answers = 0
    for block in TUTORIAL.blocks:
        what, _, path = block.mark.partition(": ")
        if what == "shell":
            for line in block.text.splitlines():
                reader.command(line)
        elif what in ("file", "append"):
            reader.write(path, block.text, append=what == "append")
        else:
            assert block.language == "console", f"line {block.line}: a block that nobody follows"
            with reader.client() as client:
                for command, shown in conversations(block):
                    assert_shown(send(client, command), shown)
                    answers += 1

    assert answers == 9
