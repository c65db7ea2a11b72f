"""Error pages show the variables of each frame, and the database layer's hold what a statement was given."""

import sys
from types import TracebackType


class Discreet:
    """
    Lets an error out of the package's own statements pass without the frames below: they hold key and body.

    The error, what caused it, and the frames further out stay.
    """

    def __enter__(self) -> None:
        self._before = sys.exception()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        while error is not None and error is not self._before:
            error.__traceback__ = None
            error = error.__cause__ or error.__context__
