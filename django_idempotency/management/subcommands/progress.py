"""A progress bar on a terminal; elsewhere, nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic

from django.core.management.base import OutputWrapper

Advance = Callable[[int, str], None]
# Seconds between two lines.
PAUSE = 1.0


@contextmanager
def progress(stream: OutputWrapper, count: Callable[[], int]) -> Iterator[Advance | None]:
    """
    Give a function to be told how much is done, and in words of what; None where nobody looks.

    Args:
        stream: stderr: stdout holds the result.
        count: tells how much there is to do; only asked on a terminal.
    """
    if not stream.isatty():
        yield None
    elif find_spec("rich") is None:
        yield _lines(stream, count())
    else:
        with _bar(count()) as advance:
            yield advance


def _lines(stream: OutputWrapper, total: int) -> Advance:
    """In place of a bar, where rich is not installed."""
    last = float("-inf")

    def advance(done: int, words: str) -> None:
        nonlocal last
        if monotonic() - last >= PAUSE:
            last = monotonic()
            stream.write(f"{done} of {total}: {words}")

    return advance


@contextmanager
def _bar(total: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, words: bar.update(task, completed=done, description=words)
