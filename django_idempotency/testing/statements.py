"""What a statement does to the database, and who sent it."""

import re
import sys
from typing import NamedTuple

# What is written in quotes, and comments: any word may stand there. Names stay one word.
QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|/\*.*?\*/|--[^\n]*""", re.DOTALL)
FIRST = re.compile(r"[\s(]*(\w+)")
# Statements that change nothing. Of one that is not known the opposite is assumed.
READS = frozenset(
    {
        "select",
        "with",
        "values",
        "table",
        "explain",
        "show",
        "describe",
        "desc",
        "pragma",
        "set",
        "reset",
        "use",
        "savepoint",
        "release",
        "rollback",
        "begin",
        "start",
        "commit",
    }
)
# In a statement that begins like a reading one: WITH ... AS (DELETE ...), SELECT ... INTO, and functions that write.
CHANGES = re.compile(
    r"\binto\b|\bdelete\b|\bmerge\b|(?<!\bfor )(?<!\bkey )\bupdate\b|\b(?:nextval|setval|pg_notify)\s*\(",
    re.IGNORECASE,
)
# Where a table is named that is written to. UPDATE stands also in FOR UPDATE, and in what INSERT does with a duplicate.
TABLE = re.compile(
    r"\b(?:into|(?<!for )(?<!key )update(?!\s+set\b)|delete\s+from|table)\s+(?:only\s+)?((?:[\w\"`]+\.)?[\w\"`]+)",
    re.IGNORECASE,
)
# Whose frames do not tell where in a project a statement comes from.
LIBRARIES = frozenset(
    {
        "django",
        "django_idempotency",
        "rest_framework",
        "asgiref",
        "asyncio",
        "concurrent",
        "contextlib",
        "functools",
        "threading",
    }
)


class Write(NamedTuple):
    """
    One statement that writes.

    Attributes:
        table: empty where it cannot be told.
        place: the line of the project that sent it.
    """

    alias: str
    table: str
    sql: str
    place: str

    def __str__(self) -> str:
        return f"{self.alias}: {shortened(self.sql)} ({self.place})"


def writes(sql: str) -> bool:
    """Whether a statement may change something."""
    parts = [" ".join(part.split()) for part in QUOTED.sub(_word, sql).split(";")]
    return any(map(_writes, filter(None, parts)))


def _writes(sql: str) -> bool:
    first = FIRST.match(sql)
    return first is None or first[1].lower() not in READS or CHANGES.search(sql) is not None


def table_of(sql: str) -> str:
    """The table that it writes to; empty where it cannot be told, or where there are several."""
    found = {name.rpartition(".")[2].strip('"`') for name in TABLE.findall(sql)}
    return found.pop() if len(found) == 1 else ""


def shortened(text: str, length: int = 160) -> str:
    """A text of one line, not too long for a message."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 3]}..."


def place() -> str:
    """The innermost line of the call stack that is the project's; or that of the library which works for it."""
    frame, nearest = sys._getframe(1), ""
    while frame.f_back is not None:
        frame = frame.f_back
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(("django.test", str(__package__))):
            break
        line = f"{frame.f_code.co_filename}:{frame.f_lineno}, {frame.f_code.co_name}"
        if module.partition(".")[0] not in LIBRARIES:
            return line
        if not nearest and not module.startswith(("django.db", "django_idempotency", "contextlib")):
            nearest = line
    return nearest or "from an unknown place"


def _word(found: "re.Match[str]") -> str:
    """A quoted name as some word; nothing for what is no name."""
    return "x" if found[0][0] in "\"`'" else " "
