"""What works beside the server: the commands and services that systems name in their ``AppConfig``."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from testproject.demo.outside import Outside
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


@contextmanager
def outside(environment: Mapping[str, str], folder: Path) -> Iterator[dict[str, str]]:
    """Run what the systems call until the block is left; give the environment in which a server finds it."""
    found = dict(environment)
    with ExitStack() as stack:
        for system in systems():
            if system.calls is not None:
                module, variable = system.calls
                found[variable] = stack.enter_context(Outside(module, environment, folder)).url
        yield found
