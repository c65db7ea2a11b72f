"""All systems at the same time, each with one endpoint after the other."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module

from testproject.accounts.seeds import ORGANIZATIONS, tokens_of
from testproject.demo.caller import Caller
from testproject.demo.endpoints import Endpoint
from testproject.demo.player import Player, Row
from testproject.systems.registry import systems


def play_all(base_url: str, report: Callable[[Row], None]) -> list[Row]:
    """
    Play every installed system.

    Systems share nothing that is counted, so they can be played side by side; within one, an endpoint's effects
    may show in another's count, so they take turns.
    """
    with ExitStack() as open_clients, ThreadPoolExecutor(len(systems())) as threads:
        callers: list[Caller] = []

        def players() -> Iterator[tuple[Player, tuple[Endpoint, ...]]]:
            for system in systems():
                part = import_module(f"{system.name}.demo")
                own = [Caller(base_url, name, tokens_of(name)[0]) for name in ORGANIZATIONS]
                callers.extend(open_clients.enter_context(caller) for caller in own)
                yield Player(system.title, part.RULES, *own), part.ENDPOINTS

        def play(player: Player, endpoints: tuple[Endpoint, ...]) -> list[Row]:
            rows = []
            for endpoint in endpoints:
                rows.append(player.play(endpoint))
                report(rows[-1])
            return rows

        turns = [threads.submit(play, *turn) for turn in players()]
        try:
            return [row for turn in turns for row in turn.result()]
        except BaseException:
            # Ctrl-C, first of all: the threads end with the request that they are at.
            for caller in callers:
                caller.stop()
            raise


def number_of_endpoints() -> int:
    """Tell how many rows there will be."""
    return sum(len(import_module(f"{system.name}.demo").ENDPOINTS) for system in systems())
