"""`manage.py idempotency release`, `resolve` and `expire`: what people do to a record, from a shell."""

from __future__ import annotations

import getpass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from tests.leased.desk import LEASED, abandoned, charge, code, leased, post, record
from tests.operate import records
from tests.operate.records import run
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

WHY = ("--why", "The provider was asked.", "--yes")
HOUR = timedelta(hours=1)
REFUSING = LEASED.but(stored_errors=frozenset({402}), max_body_size=40)


def pay(request: HttpRequest) -> HttpResponse:
    return charge(request)


urlpatterns = [
    path("leased/", leased(), name="leased"),
    path("refusing/", idempotent(REFUSING)(pay), name="refusing"),
]


def lost(url: str = "/leased/") -> IdempotencyRecord:
    """What a worker has left that died after its claim."""
    post(url)
    abandoned()
    assert code(post(url)) == (409, "outcome_unknown")
    return record()


def lines() -> list[tuple[str, str, str]]:
    return list(IdempotencyAudit.objects.order_by("pk").values_list("action", "who", "why"))


@pytest.mark.parametrize("how", [["release"], ["resolve", "--not-done"]])
def test_not_done(database: Database, how: list[str]) -> None:
    """REQ 26: what was not done is released: the next request with the key runs, and a line says who has said so."""
    unknown = lost()
    ended = run(*how, unknown.pk[:28], *WHY, "--who", "ops@example.com")
    assert (ended.status, unknown.pk[:28] in ended.out) == (0, True)
    assert "Idempotent-Replayed" not in post("/leased/").headers
    assert lines() == [("released", "ops@example.com", "The provider was asked.")]


def test_done(database: Database, tmp_path: Path) -> None:
    """REQ 26: what was done is answered from now on as somebody has found out, to the byte, and nothing runs."""
    unknown = lost()
    body = b'{"id":  17}\n'
    (tmp_path / "body").write_bytes(body)
    arguments = (
        "--status",
        "201",
        "--body-file",
        str(tmp_path / "body"),
        "--header",
        "Location: /charges/17/",
    )
    ended = run("resolve", unknown.pk, *arguments, *WHY, "--json")
    assert ended.json == [{"id": unknown.pk, "done": True, "reason": None}]
    answer = post("/leased/")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (201, body, "application/json")
    assert (answer["Location"], answer["Idempotent-Replayed"]) == ("/charges/17/", "true")
    # Whoever does not say who they are is named by the operating system, and it shows.
    assert lines() == [("completed", f"os:{getpass.getuser()}", "The provider was asked.")]


def test_an_error_that_the_policy_stores(database: Database) -> None:
    """An error that the endpoint's own policy stores is an answer, too; without a body, there is no type of one."""
    unknown = lost("/refusing/")
    assert run("resolve", unknown.pk, "--status", "402", *WHY).status == 0
    answer = post("/refusing/")
    assert (answer.status_code, answer.content, "Content-Type" in answer.headers) == (402, b"", False)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("arguments", "body", "said"),
    [
        (["--status", "402"], None, "200 to 399"),
        (["--status", "500"], None, "200 to 399"),
        (["--status", "201"], "{", "no JSON"),
        (["--status", "204"], "{}", "no body"),
        (["--status", "201", "--header", "Set-Cookie: a=b"], None, "no header that is replayed"),
        (["--status", "201", "--header", "Location"], None, "no header that is replayed"),
        (["--status", "201", "--header", "Location: /a\n/b"], None, "newlines"),
        (["--status", "201", "--body-file", "/no/such/file"], None, "cannot be read"),
        (["--status", "201"], "{}" * 2**20, "policy keeps"),
    ],
)
def test_a_response_that_would_not_have_been_stored(
    database: Database, tmp_path: Path, arguments: list[str], body: str | None, said: str
) -> None:
    """What the endpoint would not have answered, or not have kept, is refused before anybody is asked."""
    unknown = lost()
    if body is not None:
        (tmp_path / "body").write_text(body)
        arguments = [*arguments, "--body-file", str(tmp_path / "body")]
    ended = run("resolve", unknown.pk, *arguments, *WHY)
    assert (ended.status, said in ended.error, ended.out) == (2, True, "")
    assert code(post("/leased/")) == (409, "outcome_unknown")


@pytest.mark.databases("sqlite")
def test_an_endpoint_that_is_gone(database: Database) -> None:
    """A record outlives its route: it can be resolved, by the default policy, and the command says so."""
    old = records.leased("k", left=None, endpoint="POST gone")
    ended = run("resolve", old.pk, "--status", "201", *WHY)
    assert (ended.status, "'POST gone'" in ended.error) == (0, True)


def test_expired(database: Database) -> None:
    """REQ 26: a stored answer is given up: the next request with its key runs."""
    post("/leased/")
    assert run("expire", record().pk, *WHY).status == 0
    assert "Idempotent-Replayed" not in post("/leased/").headers
    assert [action for action, *_ in lines()] == ["expired"]


@pytest.mark.parametrize("how", [["release"], ["resolve", "--status", "201"], ["resolve", "--not-done"]])
def test_in_flight(database: Database, how: list[str]) -> None:
    """REQ 26: what is in flight is never touched; the command says why, with a status of its own."""
    running = records.leased("k", left=HOUR)
    ended = run(*how, running.pk, *WHY, "--json")
    assert (ended.status, ended.json[0]["done"]) == (3, False)
    assert "in flight" in ended.json[0]["reason"]
    assert record().state == "in_progress"
    assert lines() == []


def test_each_by_itself(database: Database) -> None:
    """Of several, those that can be done are, and the others are told one by one."""
    unknown = records.leased("a", left=None)
    lapsed = records.leased("b", left=-HOUR)
    running = records.leased("c", left=HOUR)
    done = records.completed("d")
    ended = run("release", *(each.pk for each in (unknown, lapsed, running, done, unknown)), *WHY)
    assert ended.status == 3
    assert records.keys() == {"c", "d"}
    assert [line.partition(" ")[0] for line in ended.out.splitlines()] == [
        "Released",
        "Released",
        "Left",
        "Left",
    ]
    assert "2 records were left alone" in ended.error
    assert run("expire", running.pk, done.pk, *WHY).status == 3
    assert [action for action, *_ in lines()] == ["released", "released", "expired"]


@pytest.mark.parametrize(
    ("how", "word"),
    [(["release"], "release"), (["resolve", "--status", "201"], "resolve"), (["expire"], "expire")],
)
def test_a_dry_run(database: Database, how: list[str], word: str) -> None:
    """A dry run says what would be done, and what would not and why, and leaves everything as it is."""
    fit = records.completed("a") if word == "expire" else records.leased("a", left=None)
    unfit = records.leased("b", left=HOUR)
    before = list(IdempotencyRecord.objects.order_by("pk").values())
    for each, status, said in ((fit, 0, f"Would {word}"), (unfit, 3, "in flight")):
        ended = run(*how, each.pk, "--why", "To see.", "--dry-run")
        assert (ended.status, said in ended.out) == (status, True)
    assert list(IdempotencyRecord.objects.order_by("pk").values()) == before
    assert lines() == []


@pytest.mark.databases("sqlite")
def test_what_names_no_record(database: Database) -> None:
    """One id that is wrong, and nothing at all is done; so it is where it could be more than one."""
    one, two = records.leased("a", left=None), records.leased("b", left=None)
    arguments: list[tuple[Any, int, str]] = [
        ((one.pk, "0" * 64), 4, "no record"),
        ((one.pk[:16],), 2, "More than one"),
        (("x",), 1, "no id"),
        ((), 1, "ID"),
    ]
    for ids, status, said in arguments:
        ended = run("release", *ids, *WHY)
        assert (ended.status, said in ended.error) == (status, True)
    assert records.keys() == {two.key, one.key}


@pytest.mark.databases("sqlite")
def test_who_and_why(database: Database) -> None:
    """Nothing is done that nobody answers for, or without a reason; and nobody is asked where nobody is."""
    unknown = records.leased("a", left=None)
    for arguments in (
        ("--why", " ", "--yes"),
        ("--why", "x", "--who", " ", "--yes"),
        ("--why", "x", "--who", "x" * 256, "--yes"),
        ("--why", "x"),
    ):
        assert run("release", unknown.pk, *arguments).status == 2
    assert run("release", unknown.pk, "--yes").status == 1  # argparse: --why is required
    assert records.keys() == {"a"}
