"""Every block on every page is run, or followed, or checked for what it is."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.test import override_settings
from pytest_django.fixtures import Settings

from django_idempotency.checks import check_settings
from tests.docs.pages import PAGES, Block, Page, page
from tests.docs.test_tutorial import TUTORIAL

# `text` is a picture; `toctree` is the table of contents.
LANGUAGES = {"python", "console", "text"}
MARKS = {"", "settings", "shell", "tests", "file", "append"}
# The tutorial has a test of its own; what the contributors' page shows is the outline of a test.
ELSEWHERE = (TUTORIAL, page("docs/contributing.md"))
RUNNABLE = [
    each
    for each in PAGES
    if each not in ELSEWHERE and any(block.language == "python" for block in each.blocks)
]
SETTINGS = [block for each in PAGES for block in each.blocks if block.mark == "settings"]


def test_no_block_is_left_out() -> None:
    """A block in another language, or with a mark that no test knows, would be run by nobody."""
    blocks = [block for each in PAGES for block in each.blocks]

    assert {block.language for block in blocks} == LANGUAGES
    assert {block.mark.partition(":")[0] for block in blocks} == MARKS
    # Only the tutorial writes files.
    assert all(
        block.page == TUTORIAL for block in blocks if block.mark.startswith(("file", "append", "shell"))
    )


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("each", RUNNABLE, ids=str)
def test_python_runs(each: Page, tables: None, settings: Settings) -> None:
    """The Python of a page runs from top to bottom, with nothing but what the page itself imports."""
    settings.IDEMPOTENCY = {"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}  # which one of them changes
    assert each.python() or each.python("tests")


@pytest.mark.parametrize("block", SETTINGS, ids=lambda block: f"{block.page}:{block.line}")
def test_settings_pass_the_checks(block: Block, shop: ModuleType) -> None:
    """Settings that a page shows are settings that this package takes, and finds nothing wrong with."""
    names: dict[str, Any] = {}
    block.run(names)
    shown = {name: value for name, value in names.items() if name.isupper()}

    assert shown
    for app in shown.pop("INSTALLED_APPS", []):
        assert AppConfig.create(app).models_module is None  # importable, and not yet loaded
    with override_settings(**shown):
        assert check_settings(None) == []


def test_an_errors_line_is_the_pages_line() -> None:
    """A block that fails says where on its page it does."""
    first = next(b for b in page("docs/howto/choose-a-policy.md").blocks if b.language == "python")

    assert first.text.startswith(first.page.text.splitlines(keepends=True)[first.line])
