"""What the subcommands share: `--json`, `--database`, and the statuses that they end with."""

import json
import re
import sys
from abc import ABC, abstractmethod
from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, NoReturn

from django.core.management.base import CommandError, CommandParser, OutputWrapper
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, router

from ...models import IdempotencyRecord

# 0: done. 1: failed, and stderr says why. 2: not asked as it should be.
FAILED = 1
MISUSED = 2
# Done, but for what must not be touched.
LEFT = 3
# There is no such record.
NOTHING = 4
# There are routes without a guard.
UNPROTECTED = 5

# How much of an id people see: the 16 digits of its scope, and 12 of its own.
SHORT = 28


class Subcommand(ABC):
    """
    One subcommand, called once.

    Args:
        stdout, stderr: the command's.
        options: as parsed.
    """

    help: ClassVar[str]

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper, options: Mapping[str, Any]) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.options = options

    @classmethod
    def add_to(cls, parser: CommandParser) -> None:
        """Add the options that all of them have."""
        parser.add_argument(
            "--database", choices=tuple(connections), help="The alias of the records, if not the router's."
        )
        add_json(parser)

    @abstractmethod
    def run(self) -> None:
        """
        Do it.

        Raises:
            CommandError: its return code is the status.
        """

    @property
    def alias(self) -> str:
        """Where the records are."""
        return self.options["database"] or router.db_for_write(IdempotencyRecord)

    @property
    def bounds(self) -> dict[str, Any]:
        """What `add_bounds` has added, and the database, for the function that does the work."""
        return {name: self.options[name] for name in ("database", "batch", "rows", "seconds", "rest")}

    def print(self, result: Any, *lines: str) -> None:
        """Print the result: for a program, or in lines for people."""
        if self.options["json"]:
            self.stdout.write(json.dumps(result, cls=DjangoJSONEncoder, indent=2))
            return
        for line in lines:
            self.stdout.write(line)

    def confirm(self, question: Callable[[], str], otherwise: str) -> None:
        """
        Ask a person, unless `--yes` was said, and go on only after a yes.

        Args:
            question: only called where somebody is there to be asked.
            otherwise: what is said after any other answer.
        """
        if self.options["yes"]:
            return
        if not sys.stdin.isatty():
            self.fail("Nobody is there to be asked: say --yes, or --dry-run.", MISUSED)
        self.stderr.write(f"{question()} Type yes to go on: ", ending="")
        self.stderr.flush()
        if sys.stdin.readline().strip() != "yes":
            self.fail(otherwise)

    def fail(self, reason: str, status: int = FAILED) -> NoReturn:
        """End with a status other than 0."""
        raise CommandError(reason, returncode=status)


def add_json(parser: CommandParser) -> None:
    """Add the option for programs."""
    parser.add_argument("--json", action="store_true", help="Print one JSON document, for a program.")


def add_bounds(parser: CommandParser, *, rest: float) -> None:
    """Add the bounds of what goes through many records, which rests so long by default."""
    parser.add_argument("--batch", type=positive, default=500, help="Records per transaction (500).")
    parser.add_argument("--rows", type=positive, help="Stop after so many records.")
    parser.add_argument("--seconds", type=duration, help="Stop after so many seconds.")
    parser.add_argument(
        "--rest", type=duration, default=rest, help=f"Rest so many times as long as a batch took ({rest:g})."
    )


def positive(text: str) -> int:
    """Read a whole number above 0."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def digits(text: str) -> str:
    """Read the id of a record, or what it begins with."""
    if re.fullmatch(r"[0-9a-f]{1,64}", text) is None:
        raise ArgumentTypeError(f"{text!r} is no id: it has up to 64 digits of 0 to 9 and a to f")
    return text


def duration(text: str) -> float:
    """Read seconds, 0 or more."""
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise ValueError(text)
    return seconds


UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def interval(text: str) -> timedelta:
    """Read a number of seconds, minutes, hours or days."""
    match = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if match is None:
        raise ArgumentTypeError(f"{text!r} is no interval such as 90s, 10m, 1h or 1d")
    return timedelta(**{UNITS[match[2]]: int(match[1])})


def number(count: int, noun: str, plural: str = "") -> str:
    """Say how many: "1 record", "2 records"."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
