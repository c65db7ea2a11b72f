"""The pages for operators say what the command does."""

from __future__ import annotations

import re
import shlex
from argparse import _SubParsersAction
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from celery.beat import Scheduler
from django.contrib.auth.models import User

from django_idempotency.management.commands.idempotency import Command
from django_idempotency.tasks import purge_expired
from tests.docs.conftest import Site
from tests.docs.pages import PAGES, page
from tests.docs.test_howto import KEY, ORDER, client_of
from tests.operate.records import completed, keys
from tests.rig import Database

COMMANDS = page("docs/reference/commands.md")
PARSER = Command().create_parser("manage.py", "idempotency")
SUBPARSERS: dict[str, Any] = next(
    dict(action.choices) for action in PARSER._actions if isinstance(action, _SubParsersAction)
)
SHOWN = [
    command
    for each in PAGES
    for block in each.blocks
    if block.language == "console"
    for command in re.findall(r"manage\.py (idempotency .+)", block.text)
]


def own_options(name: str) -> set[str]:
    """The options of a subcommand that neither all of them nor Django's commands have."""
    options = {option for action in SUBPARSERS[name]._actions for option in action.option_strings}
    return {option for option in options if option.startswith("--")} - {"--help", "--json", "--database"}


def test_every_subcommand_has_a_heading() -> None:
    """The headings of commands.md are the subcommands, and their tables the options."""
    assert COMMANDS.headings == ["Commands", *SUBPARSERS]
    for name in SUBPARSERS:
        rows = COMMANDS.rows(f"Option of {name}")
        assert {row[0].strip("`") for row in rows} == own_options(name)


def test_commands_that_are_shown_are_taken() -> None:
    """Each command line that a page shows is one that the command accepts."""
    assert len(SHOWN) >= 5
    for command in SHOWN:
        _, *arguments = shlex.split(command)
        assert PARSER.parse_args(arguments).subcommand in SUBPARSERS


def test_beat_runs_the_entry_of_the_page(database: Database) -> None:
    """Celery's beat takes the entry in the settings for what it is, and its task purges."""
    settings = page("docs/howto/purge-and-schedule.md").python("settings")
    app = Celery(set_as_current=False)
    app.conf.beat_schedule = settings["CELERY_BEAT_SCHEDULE"]
    entries: list[Any] = list(Scheduler(app).schedule.values())
    [entry] = [each for each in entries if not each.task.startswith("celery.")]
    assert (entry.task, entry.schedule.run_every) == (purge_expired.name, timedelta(hours=1))
    completed("old", age=timedelta(days=2))
    completed("young")
    purge_expired.apply(args=entry.args, kwargs=entry.kwargs, **entry.options)
    assert keys() == {"young"}


@pytest.mark.databases("sqlite")
def test_the_view_of_the_page_tells(site: Site, alice: User, bob: User) -> None:
    """The page's view tells a caller of its own key, with what the page shows, and nobody else."""
    from django.urls import path

    from tests.docs.pages import README

    shown = page("docs/howto/tell-what-became-of-a-key.md")
    names = shown.python()
    create = path("orders/", README.python()["CreateOrder"].as_view(), name="orders")
    site.serve(create, *names["urlpatterns"])
    assert client_of(alice).post("/orders/", ORDER, headers=KEY).status_code == 201
    url = f"/idempotency/{KEY['Idempotency-Key']}"
    [told] = client_of(alice).get(url).json()["results"]
    [example] = [block.text for block in shown.blocks if block.language == "text"]
    assert re.findall(r'^ {6}"(\w+)"', example, re.MULTILINE) == list(told)
    assert client_of(bob).get(url).status_code == 404
