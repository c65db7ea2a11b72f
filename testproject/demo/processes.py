"""The processes beside the demo's own. Each is alone in its process group, and gone when the demo is."""

import os
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from testproject.demo.databases import ROOT

PATIENCE = 8.0


def start(
    command: Sequence[str], environment: Mapping[str, str], log: Path, pass_fds: Collection[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a command of the project; all that it says goes to its log."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            pass_fds=pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own, so that Ctrl-C reaches the demo alone, and all its workers end together.
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, then make sure of it and of its whole group."""
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    finally:
        # Whatever is left of the group: workers outlive a master that was killed.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
