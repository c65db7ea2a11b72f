"""A program that answers each line with a line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

from tests.servers import ROOT

# Seconds that it may take to end.
PATIENCE = 5.0


class Pipe:
    """
    One that runs.

    Args:
        log: where its errors go.
    """

    def __init__(self, command: Sequence[str | Path], environ: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environ,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def ask(self, line: str) -> str:
        """
        Its answer.

        Raises:
            RuntimeError: it has ended instead; the message is what it wrote about that.
        """
        print(line, file=cast(IO[str], self._process.stdin), flush=True)
        answer = cast(IO[str], self._process.stdout).readline()
        if not answer:
            raise RuntimeError(self._log.read_text())
        return answer

    def close(self) -> None:
        """End it: it has no more to read."""
        try:
            self._process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
