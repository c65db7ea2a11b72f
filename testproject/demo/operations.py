"""One endpoint's stage: the operations that are asked for, each of which should happen once."""

import itertools
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from testproject.demo.caller import Answer, Caller, Tally
from testproject.demo.endpoints import Body, Endpoint, Rules


@dataclass(slots=True, eq=False)
class Stage:
    """What the scenarios of one endpoint share."""

    endpoint: Endpoint
    rules: Rules
    acme: Caller
    globex: Caller
    # For each caller, the arguments of its path.
    arguments: dict[Caller, dict[str, str]]
    tally: Tally = field(default_factory=Tally)
    operations: list["Operation"] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def operation(
        self, caller: Caller | None = None, *, key: str | None = None, body: Body | None = None
    ) -> "Operation":
        """Ask for one more effect."""
        return self.ask(caller or self.acme, key or str(uuid.uuid4()), body or self.fresh_body())

    def operation_without_key(self) -> "Operation":
        """Ask for one more effect, and leave the key to the server."""
        return self.ask(self.acme, None, self.fresh_body())

    def ask(self, caller: Caller, key: str | None, body: Body) -> "Operation":
        operation = Operation(self, caller, key, body)
        self.operations.append(operation)
        return operation

    def fresh_body(self) -> Body:
        """A body that nothing else on this stage has."""
        return self.endpoint.body(next(self.numbers))

    def complain(self, problem: str) -> None:
        """Report something that should not be; once is enough."""
        if problem not in self.problems:
            self.problems.append(problem)


@dataclass(slots=True, eq=False)
class Operation:
    """One thing that a client wants done, however often it has to ask."""

    stage: Stage
    caller: Caller
    # None: the server makes one of the body.
    key: str | None
    body: Body
    answers: list[Answer] = field(default_factory=list)

    def send(self, fault: str | None = None) -> Answer:
        """Ask for it, and go on until there is an answer."""
        answer = self.post(self.body, fault)
        self.answers.append(answer)
        return answer

    def send_changed(self) -> None:
        """Use its key for another body, and judge the answer by the system's rule."""
        answer = self.post(self.stage.fresh_body())
        if self.stage.rules.other_body is None:
            self.answers.append(answer)
        elif answer.status != self.stage.rules.other_body:
            self.stage.complain(f"another body under the same key was answered with {answer.status}")

    def post(self, body: Body, fault: str | None = None) -> Answer:
        """Send a body under the operation's key, if it has one."""
        stage = self.stage
        arguments = stage.arguments[self.caller]
        path = stage.endpoint.path.format(**arguments)
        body = {**body, **{name: arguments[name] for name in stage.endpoint.in_body}}
        return self.caller.post(path, body, self.key, stage.rules, stage.tally, fault)

    def settle(self) -> None:
        """Ask once more, when all is quiet: every answer so far the same to the byte."""
        last = self.send()
        if not 200 <= last.status < 300:
            self.stage.complain(f"an operation ended with {last.status}")
        if len({answer.seen(self.stage.rules.same_headers) for answer in self.answers}) > 1:
            self.stage.complain("answers to one operation differ")
        self.check_marks()

    def check_marks(self) -> None:
        """Every answer but one says that it is a replay; to a client that sends no key, none does."""
        marks = [answer.replayed for answer in self.answers]
        if self.key is None:
            if any(marks):
                self.stage.complain("an answer without a key was marked as a replay")
            return
        if not marks[-1]:
            self.stage.complain("a late duplicate was not a replay")
        if marks.count(False) > 1:
            self.stage.complain("an operation was answered twice as new")


def together(*actions: Callable[[], object]) -> None:
    """Run actions in threads that start at the same moment."""
    start = threading.Barrier(len(actions))

    def act(action: Callable[[], object]) -> object:
        start.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as threads:
        for future in [threads.submit(act, action) for action in actions]:
            future.result()
