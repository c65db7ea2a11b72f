"""The pages of the documentation, taken apart: their blocks, tables, headings and links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^>]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """
    One fenced block.

    Attributes:
        mark: what a comment right above it says that it is: `settings`, `shell`, `tests`, `file: path`, `append: path`.
    """

    page: Page
    line: int
    language: str
    mark: str
    text: str

    def run(self, names: dict[str, Any]) -> None:
        """Run a block of Python among the names of the blocks before it; errors point to its line on the page."""
        code = compile("\n" * self.line + self.text, str(self.page.path), "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102  (to run the documentation is what these tests are for)


@dataclass(frozen=True, slots=True)
class Page:
    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(
                self,
                self.text[: match.start("text")].count("\n"),
                match["language"],
                match["mark"] or "",
                match["text"],
            )
            for match in FENCE.finditer(self.text)
        ]

    @property
    def prose(self) -> str:
        """The page without its blocks."""
        return FENCE.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        return re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)

    @property
    def anchors(self) -> set[str]:
        """Headings as GitHub links to them."""
        kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in self.headings)
        return {heading.replace(" ", "-") for heading in kept}

    @property
    def links(self) -> list[str]:
        return [match["target"] for match in LINK.finditer(self.prose)]

    def python(self, mark: str = "") -> dict[str, Any]:
        """Run all blocks of Python with this mark, one after another, and return what they have defined."""
        names: dict[str, Any] = {"__name__": f"documented in {self}"}
        for block in self.blocks:
            if block.language == "python" and block.mark == mark:
                block.run(names)
        return names

    def rows(self, first: str) -> list[list[str]]:
        """Return the rows of all tables whose first column has this name."""
        found: list[list[str]] = []
        inside = False
        for line in self.prose.splitlines():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not cells:
                inside = False
            elif cells[0] == first:
                inside = True
            elif inside and not set(cells[0]) <= {"-"}:
                found.append(cells)
        return found


def page(path: str) -> Page:
    return Page(ROOT / path)


README = page("README.md")
PAGES = [README, *(Page(path) for path in sorted(ROOT.glob("docs/**/*.md")) if "_build" not in path.parts)]
