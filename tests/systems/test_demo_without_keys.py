"""The demo's scenario for endpoints that make a key where the client sends none, played against good ones and bad."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from testproject.accounts.seeds import ORGANIZATIONS, tokens_of
from testproject.demo.caller import Caller
from testproject.demo.endpoints import Effect, Endpoint
from testproject.demo.player import Player
from testproject.demo.server import Server
from testproject.firsthand.demo import RULES
from tests.systems.live import Live

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture(scope="module")
def player(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    environment = {**live.environment, "DJANGO_SETTINGS_MODULE": "tests.systems.derived_settings"}
    log = tmp_path_factory.mktemp("derived") / "server.log"
    with Server(environment, log) as server, ExitStack() as stack:
        callers = [Caller(server.url, name, tokens_of(name)[0]) for name in ORGANIZATIONS]
        for caller in callers:
            stack.enter_context(caller)
        yield Player("Fetches", RULES, *callers)


def fetches(name: str, *, derives_key: bool) -> Endpoint:
    return Endpoint(
        f"/{name}/fetches",
        body=lambda number: {"url": f"https://example.com/{name}/{number}"},
        effect=Effect(f"/{name}/fetches", "count"),
        derives_key=derives_key,
    )


def test_requests_without_a_key_are_one_operation(player: Player) -> None:
    """An endpoint that makes a key of the body does one operation more than others, and does it once."""
    without = player.play(fetches("forgets", derives_key=False))
    derived = player.play(fetches("derives", derives_key=True))

    assert (without.verdict, derived.verdict) == ("ok", "ok")
    assert derived.executed == without.executed + 1


def test_replays_without_a_key_are_not_marked(player: Player) -> None:
    """A client that sent no key is not told of a replay."""
    row = player.play(fetches("marks", derives_key=True))

    assert row.verdict == "an answer without a key was marked as a replay"


def test_requests_without_a_key_are_counted(player: Player) -> None:
    """An endpoint that does each request without a key anew is found out: by its answers, and by the count."""
    row = player.play(fetches("forgets", derives_key=True))

    assert "answers to one operation differ" in row.verdict
    assert f"acme: executed {row.executed - 1}, asked for {row.executed - 3}" in row.verdict
