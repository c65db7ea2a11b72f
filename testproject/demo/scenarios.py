"""What a bad network, a bad client and a bad day do to one endpoint. The same for every endpoint of every system."""

import uuid
from collections.abc import Callable
from functools import partial

from testproject.demo.endpoints import Endpoint
from testproject.demo.operations import Stage, together

Scenario = Callable[[Stage], None]


def concurrent_duplicates(stage: Stage) -> None:
    """Five copies of one request at the same moment."""
    operation = stage.operation()
    together(*[partial(operation.send, "slow=0.2")] * 5)


def lost_answer(stage: Stage) -> None:
    """The work is done and stored, and then the connection breaks."""
    trouble(stage, "drop")


def failure_before_the_work(stage: Stage) -> None:
    """The server fails before it does anything."""
    trouble(stage, "fail-before")


def failure_after_the_work(stage: Stage) -> None:
    """The server fails when the work is done but nothing is committed."""
    trouble(stage, "fail-after")


def killed_worker(stage: Stage) -> None:
    """The worker process is killed when the work is done but nothing is committed."""
    trouble(stage, "kill")


def killed_among_duplicates(stage: Stage) -> None:
    """Three copies at the same moment, and the worker of one of them is killed."""
    operation = stage.operation()
    together(partial(operation.send, "kill"), operation.send, operation.send)


def other_body_later(stage: Stage) -> None:
    """A key comes back with another body; afterwards it still stands for the first one."""
    operation = stage.operation()
    operation.send()
    operation.send_changed()


def other_body_meanwhile(stage: Stage) -> None:
    """Two different bodies under one key at the same moment: one of them is the operation."""
    rivals = [stage.operation(key=str(uuid.uuid4()))]
    rivals.append(stage.operation(key=rivals[0].key))
    together(*[partial(rival.send, "slow=0.1") for rival in rivals])
    losers = [rival for rival in rivals if rival.answers[0].status == stage.rules.other_body]
    if stage.rules.other_body is None:
        # Both have the first result; the one operation they were has all the answers.
        rivals[0].answers += rivals[1].answers
        losers = [rivals[1]]
    if len(losers) != 1:
        stage.complain(f"of two bodies under one key at once, {len(losers)} were refused")
    for loser in losers[:1]:
        stage.operations.remove(loser)


def two_organizations(stage: Stage) -> None:
    """Two organizations use the same key for the same body: each has its own operation."""
    key, body = str(uuid.uuid4()), stage.fresh_body()
    together(*[stage.operation(caller, key=key, body=body).send for caller in (stage.acme, stage.globex)])


def no_key(stage: Stage) -> None:
    """Two copies of one request without a key at the same moment: what they ask for is their key."""
    operation = stage.operation_without_key()
    together(*[partial(operation.send, "slow=0.2")] * 2)


def trouble(stage: Stage, fault: str) -> None:
    """Do an operation whose first attempt goes wrong in a certain way."""
    if not stage.operation().send(fault).troubles:
        stage.complain(f"the fault {fault} did not happen")


def quiet(endpoint: Endpoint) -> tuple[Scenario, ...]:
    """Tell which scenarios of an endpoint can be played at the same time."""
    return (*QUIET, no_key) if endpoint.derives_key else QUIET


# A kill takes every request of its worker with it, so these have the server to themselves.
QUIET: tuple[Scenario, ...] = (
    concurrent_duplicates,
    lost_answer,
    failure_before_the_work,
    failure_after_the_work,
    other_body_later,
    other_body_meanwhile,
    two_organizations,
)
DEADLY: tuple[Scenario, ...] = (killed_worker, killed_among_duplicates)
