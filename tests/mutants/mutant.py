"""What a mutant is, and how it gets into a copy of the project."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("django_idempotency", "testproject", "tests", "pyproject.toml")
# A mutant is a small mistake; what needs more is another protocol.
MOST_LINES = 5


class DoesNotApply(Exception):
    """The code has changed, and the mutant has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """
    One change of the code.

    Attributes:
        model: the name of the mutant in tests/model that says why this loses the guarantee.
        where: what tells it apart from others of the same name.
        file: below the root of the project.
        old, new: text of the file, and what it becomes; the old one is there exactly once.
        tests: what is enough to kill it, as arguments of pytest.
        on: keeps them to a database, or to other parameters: an expression of pytest's -k.
    """

    model: str
    where: str = ""
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    on: str = ""

    @property
    def name(self) -> str:
        return f"{self.model} ({self.where})" if self.where else self.model

    def changed(self, source: str) -> str:
        """
        The text of the file with the change in it.

        Raises:
            DoesNotApply: the old text is not there exactly once, or too many lines change.
        """
        found = source.count(self.old)
        if found != 1:
            raise DoesNotApply(f"{self.name}: its old text is {found} times in {self.file}, and not once.")
        mutated = source.replace(self.old, self.new)
        if (lines := _changed_lines(source, mutated)) > MOST_LINES:
            raise DoesNotApply(f"{self.name}: it changes {lines} lines, and not at most {MOST_LINES}.")
        return mutated

    def apply(self, root: Path) -> None:
        """Change the file below this root. See `changed` for what it raises."""
        file = root / self.file
        file.write_text(self.changed(file.read_text()))


def copy(folder: Path) -> None:
    """Copy what the tests need, the tests included."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)


def _changed_lines(before: str, after: str) -> int:
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return sum(max(b - a, d - c) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal")
