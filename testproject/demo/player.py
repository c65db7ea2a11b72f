"""Plays the scenarios against one endpoint, and counts from outside what really happened."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from testproject.demo.caller import Caller, Unanswered
from testproject.demo.endpoints import Effect, Endpoint, Rules
from testproject.demo.operations import Operation, Stage
from testproject.demo.scenarios import DEADLY, Scenario, quiet


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the demo's table."""

    system: str
    endpoint: str
    sent: int
    executed: int
    replayed: int
    refused: int
    verdict: str

    @property
    def ok(self) -> bool:
        return self.verdict == "ok"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Player:
    """Plays one system."""

    def __init__(self, system: str, rules: Rules, acme: Caller, globex: Caller) -> None:
        self.system = system
        self.rules = rules
        self.acme = acme
        self.globex = globex

    def play(self, endpoint: Endpoint) -> Row:
        """Play all scenarios on an endpoint, and judge it."""
        stage, executed = None, 0
        try:
            stage = self.stage(endpoint)
            before = self.counts(stage)
            for scenarios in (quiet(endpoint), DEADLY):
                self.at_once(stage, scenarios)
            self.settle(stage)
            executed = self.judge(stage, before)
            problems = stage.problems
        except (Unanswered, httpx.HTTPError) as error:
            problems = [*(stage.problems if stage else []), f"{type(error).__name__}: {error}"]
        tally = stage.tally if stage else None
        return Row(
            system=self.system,
            endpoint=str(endpoint),
            sent=tally.sent if tally else 0,
            executed=executed,
            replayed=tally.replayed if tally else 0,
            refused=tally.refused if tally else 0,
            verdict="; ".join(problems) or "ok",
        )

    def stage(self, endpoint: Endpoint) -> Stage:
        """Make what the endpoint's path names, for both organizations."""
        arguments = {caller: endpoint.target(caller) for caller in (self.acme, self.globex)}
        return Stage(endpoint, self.rules, self.acme, self.globex, arguments)

    def counts(self, stage: Stage) -> dict[tuple[Effect, Caller], int]:
        """Read how often the operation has happened, for each organization, from all that the API shows."""
        return {
            (effect, caller): effect.read(caller, arguments)
            for effect in (stage.endpoint.effect, *stage.endpoint.also)
            for caller, arguments in stage.arguments.items()
        }

    def at_once(self, stage: Stage, scenarios: tuple[Scenario, ...]) -> None:
        with ThreadPoolExecutor(len(scenarios)) as threads:
            for future in [threads.submit(scenario, stage) for scenario in scenarios]:
                future.result()

    def settle(self, stage: Stage) -> None:
        with ThreadPoolExecutor(len(stage.operations)) as threads:
            list(threads.map(Operation.settle, stage.operations))

    def judge(self, stage: Stage, before: dict[tuple[Effect, Caller], int]) -> int:
        """Compare what happened with what was asked for, organization by organization; tell the sum."""
        executed = 0
        for (effect, caller), now in self.counts(stage).items():
            happened, rest = divmod(now - before[effect, caller], effect.each)
            asked = sum(operation.caller is caller for operation in stage.operations)
            if effect is stage.endpoint.effect:
                executed += happened
                where = ""
            else:
                where = f" ({effect.path})"
            if rest or happened != asked:
                stage.complain(f"{caller.name}: executed {happened}, asked for {asked}{where}")
        return executed
