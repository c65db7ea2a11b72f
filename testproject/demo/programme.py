"""All systems at the same time, each with one endpoint after the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module

from testproject.accounts.seeds import ORGANIZATIONS, tokens_of
from testproject.demo.caller import Caller
from testproject.demo.player import Player, Row
from testproject.systems.registry import SystemConfig, systems


def play_all(base_url: str, report: Callable[[Row], None]) -> list[Row]:
    """
    Play every installed system.

    Systems share nothing that is counted, so they can be played side by side; within one, an endpoint's effects
    may show in another's count, so they take turns.
    """
    with ExitStack() as clients, ThreadPoolExecutor(len(systems())) as threads:

        def play(system: SystemConfig) -> list[Row]:
            acme, globex = [
                clients.enter_context(Caller(base_url, name, tokens_of(name)[0])) for name in ORGANIZATIONS
            ]
            part = import_module(f"{system.name}.demo")
            player = Player(system.title, part.RULES, acme, globex)
            rows = []
            for endpoint in part.ENDPOINTS:
                rows.append(player.play(endpoint))
                report(rows[-1])
            return rows

        return [row for rows in threads.map(play, systems()) for row in rows]


def number_of_endpoints() -> int:
    """Tell how many rows there will be."""
    return sum(len(import_module(f"{system.name}.demo").ENDPOINTS) for system in systems())
