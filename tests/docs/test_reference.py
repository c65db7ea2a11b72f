"""The reference pages say what the code says."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.dispatch import Signal
from django.test import RequestFactory
from rest_framework.views import APIView

import django_idempotency
from django_idempotency import (
    REPLAYED_HEADERS,
    IdempotencyPolicy,
    KeySyntax,
    counts,
    decorators,
    mixins,
    scopes,
    signals,
)
from django_idempotency.choices import Outcome
from django_idempotency.conf import Settings
from django_idempotency.events import Event
from django_idempotency.exceptions import InvalidKey
from django_idempotency.http import HttpCall
from django_idempotency.keys import read_key
from django_idempotency.models import IdempotencyCount, IdempotencyRecord
from django_idempotency.rules import KEY_LENGTH
from django_idempotency.testing import assert_idempotent
from tests.budgets import test_statements as budgets
from tests.docs.pages import PAGES, ROOT, Page, page
from tests.errors import ERRORS

POLICY = page("docs/reference/policy.md")
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+(?:::\w+)?))?`")


def code(cell: str) -> str:
    """The text of a cell that is code."""
    return cell.strip("`").replace("\\|", "|")


def evaluated(cell: str) -> Any:
    """The value that a cell shows, in Python and in the package's own words."""
    names = {name: getattr(django_idempotency, name) for name in django_idempotency.__all__}
    return eval(code(cell), {"timedelta": timedelta, **names})  # noqa: S307  (our own page)


def defaults(of: type) -> list[tuple[str, Any]]:
    return [(field.name, field.default) for field in fields(of)]


def test_every_field_of_a_policy_has_a_row() -> None:
    """The rows of policy.md are the fields of a policy, in their order, with their defaults."""
    rows = [(code(name), evaluated(default)) for name, default, *_ in POLICY.rows("Field")]

    assert rows == defaults(IdempotencyPolicy)
    assert f"more than {KEY_LENGTH}," in POLICY.text


def test_the_presets_have_a_row() -> None:
    """Each named policy is described."""
    names = [
        name
        for name in django_idempotency.__all__
        if isinstance(getattr(django_idempotency, name), IdempotencyPolicy)
    ]
    described = [code(row[0]) for row in POLICY.rows("Name")]

    assert described == names


def test_every_setting_has_a_row() -> None:
    """The rows of settings.md are the settings, with their defaults."""
    rows = page("docs/reference/settings.md").rows("Name")

    given = [
        (code(name), eval(code(default), {"timedelta": timedelta}))  # noqa: S307  (our own page)
        for name, default, _ in rows
    ]
    assert given == defaults(Settings)


def test_every_error_has_a_row() -> None:
    """The rows of errors.md are the refusals, with their status and what they say about retries."""
    rows = [[code(cell) for cell in row[:4]] for row in page("docs/reference/errors.md").rows("Code")]

    assert rows == [
        [error.code, str(error.status), str(error.retryable).lower(), str(error.retry_same_key).lower()]
        for error in ERRORS
    ]


def test_every_signal_has_a_row() -> None:
    """The rows of signals.md are the signals, what an event tells, and the outcomes that are no refusal."""
    signals_page = page("docs/reference/signals.md")

    assert {code(row[0]) for row in signals_page.rows("Signal")} == {
        name for name, value in vars(signals).items() if isinstance(value, Signal)
    }
    assert [code(row[0]) for row in signals_page.rows("Attribute")] == [field.name for field in fields(Event)]
    assert [code(row[0]) for row in signals_page.rows("Outcome")] == [each.value for each in Outcome]
    columns = [name for row in signals_page.rows("Column") for name in re.findall(r"`(\w+)`", row[0])]
    assert columns == [field.name for field in IdempotencyCount._meta.fields if field.name != "pk"]
    assert f"At most {counts.MOST:,} rows" in signals_page.text
    assert f"up to {counts.PATIENCE:.0f} seconds" in signals_page.text


def test_every_check_has_a_heading() -> None:
    """Each id that a check may report has a heading in checks.md, and no heading is left over."""
    sources = "".join(path.read_text() for path in Path(ROOT, "django_idempotency/checks").glob("*.py"))
    reported = {
        f"django_idempotency.{number}" for number in re.findall(r'(?:error|warning)\(\s*"(\w+)"', sources)
    }

    assert page("docs/reference/checks.md").headings == ["Checks", *sorted(reported)]


def test_every_field_of_the_record_has_a_row() -> None:
    """The rows of record.md are the fields of the model, in their order."""
    rows = page("docs/reference/record.md").rows("Field")

    assert [code(row[0]) for row in rows] == [field.name for field in IdempotencyRecord._meta.fields]


def test_every_public_name_has_a_row() -> None:
    """What may be imported from the package is on api.md, and what is on api.md can be imported."""
    api = page("docs/reference/api.md")
    names = {code(row[0]) for row in api.rows("Name")}
    hooks = {name.partition("(")[0] for name in names} & set(vars(mixins.IdempotencyMixin))

    assert set(django_idempotency.__all__) <= names
    own = {name for name in vars(mixins.IdempotencyMixin) if not name.startswith("_")}
    assert hooks == own - set(dir(APIView))
    for row in api.rows("Who shares a key"):
        assert hasattr(scopes, code(row[0]).partition("(")[0])
    assert callable(decorators.idempotent)


def test_every_argument_of_the_proof_has_a_row() -> None:
    """The rows of api.md are the arguments of `assert_idempotent`, in their order."""
    rows = [code(row[0]) for row in page("docs/reference/api.md").rows("Argument")]

    assert rows == [
        str(each).partition(":")[0] for each in inspect.signature(assert_idempotent).parameters.values()
    ]


@pytest.mark.parametrize("syntax", KeySyntax)
def test_the_examples_of_keys_are_right(syntax: KeySyntax) -> None:
    """Each value in headers.md becomes the key that the page says, or is refused."""
    headers = page("docs/reference/headers.md")
    for sent, *becomes in headers.rows("Value sent"):
        expected = code(becomes[list(KeySyntax).index(syntax)])
        request = RequestFactory().post("/", headers={"Idempotency-Key": code(sent)})
        call = HttpCall(request, IdempotencyPolicy(syntax=syntax), lambda: None)  # type: ignore[arg-type, return-value]
        try:
            key = read_key(call)
            becomes_now = key and key.text
        except InvalidKey:
            becomes_now = "400"
        assert becomes_now == expected, sent


def test_the_replayed_headers_are_listed() -> None:
    """The list in headers.md is REPLAYED_HEADERS."""
    listed = re.findall(r"^- `([\w-]+)`$", page("docs/reference/headers.md").text, re.MULTILINE)

    assert tuple(listed) == REPLAYED_HEADERS


def test_the_costs_are_those_that_are_asserted() -> None:
    """The figures of databases.md are the ones that tests/budgets holds every database to."""
    rows = {row[0]: row[1:] for row in page("docs/reference/databases.md").rows("")}
    names = ("postgresql", "mariadb", "sqlite")

    def row(costs: dict[str, int], suffix: str = "") -> list[str]:
        return [f"{costs[name]}{suffix}" for name in names]

    fresh = {name: len(budgets.FRESH[name]) - 1 for name in names}
    first = {name: len(budgets.FIRST_REPLAY[name]) for name in names}
    assert rows["A fresh key: statements"] == row(fresh, " more")
    assert rows["The first replay of a process: statements"] == row(first)
    assert rows["Any other replay: statements"] == ["1", "1", "1"]
    assert rows["A fresh key: round trips"][:2] == row(budgets.ROUND_TRIPS, " more")[:2]
    assert rows["The first replay of a process: round trips"][:2] == row(budgets.FIRST_REPLAY_ROUND_TRIPS)[:2]
    assert rows["Any other replay: round trips"][:2] == ["1", "1"]


@pytest.mark.parametrize("each", PAGES, ids=str)
def test_links_lead_somewhere(each: Page) -> None:
    """Each relative link is a file that is there, and each anchor a heading in it."""
    for link in each.links:
        if re.match(r"\w+:", link):
            continue
        target, _, anchor = link.partition("#")
        path = (each.path.parent / target).resolve() if target else each.path
        assert path.is_file(), link
        assert not anchor or anchor in Page(path).anchors, link


@pytest.mark.parametrize("each", PAGES, ids=str)
def test_tests_that_are_named_exist(each: Page) -> None:
    """A page that names the test behind a promise names one that is there."""
    for file, name in TEST_ID.findall(each.text):
        source = ROOT / file
        assert source.is_file(), file
        for part in filter(None, name.split("::")):
            assert re.search(rf"^\s*(?:async )?(?:def|class) {part}\b", source.read_text(), re.MULTILINE), (
                name
            )


def test_every_row_of_the_failure_table_names_its_tests() -> None:
    """What a retry sees after a failure is shown by a test, row by row."""
    table = page("docs/explanation/failures.md")
    rows = table.rows("Failure") + table.rows("What happens")
    assert len(rows) >= 30
    assert [failure for failure, *_, shown in rows if not TEST_ID.findall(shown)] == []


def test_the_pages_build(tmp_path: Path) -> None:
    """The documentation builds without a warning."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "-n",
        "-b",
        "html",
        # In their place, for they show files that are not pages; nothing is written there.
        "-d",
        str(tmp_path / "doctrees"),
        str(ROOT / "docs"),
        str(tmp_path / "html"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_the_walk_names_every_module() -> None:
    """Each module of the package has its place in walk.md, and walk.md names none that is gone."""
    package = ROOT / "django_idempotency"
    named = set(re.findall(r"[\w/]+\.py\b", page("docs/explanation/walk.md").text))
    modules = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    }

    assert {name.removeprefix("claims/") for name in modules} == {
        name.removeprefix("claims/") for name in named
    }
