"""What the handlers have written down outside of the database, read while they write it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from threading import Lock
from typing import Any

from tests.faults.storm.history import Work


class Outside:
    """The file of their lines. Any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()
        self._file = path.open("rb")
        self._lock = Lock()
        self._rest = b""
        self._works: dict[str, Work] = {}
        self._by_request: dict[str, list[Work]] = defaultdict(list)

    def close(self) -> None:
        self._file.close()

    def works(self) -> dict[str, Work]:
        """All that were begun until now, by run, in their order."""
        with self._lock:
            self._read()
            return dict(self._works)

    def happened(self, key: str) -> str | None:
        """The last run of a key that came to its effect outside, if one did."""
        done = [work.run for work in self.works().values() if work.key == key and work.outside]
        return done[-1] if done else None

    def _read(self) -> None:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, line: dict[str, Any]) -> None:
        what, of, at = (line.pop(name) for name in ("what", "of", "at"))
        if what == "begun":
            work = self._works[of] = Work(run=of, began=at, **line)
            self._by_request[work.request].append(work)
        elif what == "over":
            for work in self._by_request[of]:
                work.over = at
        else:
            setattr(self._works[of], what, True)
