"""The other programs of a benchmark: those that end by themselves, and those that answer each line with a line."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

# Not the tests' own: this is imported before Django is set up.
ROOT = Path(__file__).resolve().parent.parent
# Seconds that it may take to end.
PATIENCE = 5.0


def run(command: Sequence[str | Path], environ: Mapping[str, str]) -> str:
    """
    Let one run to its end; what it has printed.

    Raises:
        RuntimeError: it has failed; the message is what it wrote about that.
    """
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stderr}")
    return done.stdout


class Pipe:
    """
    One that goes on: it answers each line with a line.

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
