"""A plugin of pytest, for the tests of a mutant: writes down what became of each, one JSON object a line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Where to; the process that starts pytest names it.
VARIABLE = "MUTANT_REPORT"

# Of code that does not work at all. Behind a view they look like any other 500.
CRASHES = (NameError, ImportError, AttributeError, TypeError)

_crashes: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    from django.core.signals import got_request_exception

    got_request_exception.connect(_remember)


def _remember(**kwargs: Any) -> None:
    if isinstance(error := sys.exc_info()[1], CRASHES):
        _crashes.append(f"{type(error).__name__}: {error}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "setup":
        _crashes.clear()
    if call.when == "call" or report.outcome != "passed":
        _write(item, report, call.excinfo)
    return report


def _write(
    item: pytest.Item, report: pytest.TestReport, found: pytest.ExceptionInfo[BaseException] | None
) -> None:
    error = found and found.value
    asserts = report.when == "call" and isinstance(error, AssertionError | pytest.fail.Exception)
    told = {
        "test": item.nodeid,
        "outcome": report.outcome,
        "asserts": asserts and not _crashes,
        "why": _crashes[0] if _crashes else _why(found),
    }
    with Path(os.environ[VARIABLE]).open("a") as file:
        file.write(json.dumps(told) + "\n")


def _why(found: pytest.ExceptionInfo[BaseException] | None) -> str:
    if found is None:
        return ""
    words = str(found.value).partition("\n")[0]
    # An assertion in a module that pytest does not rewrite says nothing.
    return f"{found.typename}: {words or found.traceback[-1].statement}"
