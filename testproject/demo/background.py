"""What works beside the server: the commands that systems name in their ``AppConfig``."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from testproject.demo.processes import end, start
from testproject.systems.registry import systems


@contextmanager
def background(environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Run the background command of every system until the block is left, however it is left."""
    with ExitStack() as stack:
        for system in systems():
            if system.background:
                command = [sys.executable, "manage.py", *system.background]
                stack.callback(end, start(command, environment, folder / f"{system.label}.log"))
        yield
