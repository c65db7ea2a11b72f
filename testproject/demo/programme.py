"""All systems at the same time, each with one endpoint after the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from itertools import chain

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

    def play(system: SystemConfig, callers: list[Caller]) -> list[Row]:
        part = import_module(f"{system.name}.demo")
        player = Player(system.title, part.RULES, *callers)
        rows = []
        for endpoint in part.ENDPOINTS:
            rows.append(player.play(endpoint))
            report(rows[-1])
        return rows

    everybody = {
        system: [Caller(base_url, name, tokens_of(name)[0]) for name in ORGANIZATIONS] for system in systems()
    }
    with ExitStack() as stack, ThreadPoolExecutor(len(everybody)) as threads:
        try:
            for caller in chain.from_iterable(everybody.values()):
                stack.enter_context(caller)
            turns = [threads.submit(play, system, callers) for system, callers in everybody.items()]
            return [row for turn in turns for row in turn.result()]
        except BaseException:
            # Ctrl-C, first of all: the threads end with the request that they are at.
            for caller in chain.from_iterable(everybody.values()):
                caller.stop()
            raise


def number_of_endpoints() -> int:
    """Tell how many rows there will be."""
    return sum(len(import_module(f"{system.name}.demo").ENDPOINTS) for system in systems())
