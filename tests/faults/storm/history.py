"""What was asked, answered, begun and done: all that the checker knows."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.faults.storm.plan import Kind

# Before the run whose effect an operator has done in its place.
BY_HAND = "by-hand-"
# What a client saw instead of an answer.
LOST, HUNG_UP = "connection lost", "hung up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    One request, and what its client saw. Times are seconds of the monotonic clock.

    Attributes:
        asker: which of the key's clients.
        request: its name, which the server writes down.
        status: None where no answer came; `code` says why.
        code: the one of a refusal.
    """

    key: str
    asker: str
    request: str
    sent: float
    received: float
    status: int | None
    code: str = ""
    body: bytes = b""
    content_type: str = ""
    replayed: bool = False
    should_retry: str | None = None
    retry_after: str | None = None

    @property
    def success(self) -> bool:
        return self.status == 201


@dataclass(slots=True, kw_only=True)
class Work:
    """
    One time that a handler ran, as it wrote down itself.

    Attributes:
        session, port: of the database session.
        outside: whether it came to what it does outside.
        raised: whether it raised, as it was asked to.
        over: when the request ended; None where its process died first.
    """

    run: str
    key: str
    request: str
    pid: int
    session: int
    port: int
    downstream: str
    began: float
    outside: bool = False
    raised: bool = False
    over: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What an operator did about an unknown outcome: "completed" or "released"."""

    key: str
    action: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """
    A fault that was done.

    Attributes:
        target: the process, the session, or for what a wire lost, its port.
    """

    kind: Kind
    target: int
    began: float
    ended: float


@dataclass(slots=True, kw_only=True)
class History:
    """
    Attributes:
        promises: by key, the endpoint that it was sent to.
        works: by run.
        effects: (key, run) for each row.
        records: by key, the state of its record; several where there are several.
    """

    promises: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    works: dict[str, Work] = field(default_factory=dict)
    effects: list[tuple[str, str]] = field(default_factory=list)
    records: list[tuple[str, str]] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    blows: list[Blow] = field(default_factory=list)

    def stories(self) -> list[Story]:
        """The same by key."""
        stories = {key: Story(key=key, endpoint=endpoint) for key, endpoint in self.promises.items()}
        for answer in self.answers:
            stories[answer.key].answers.append(answer)
        for work in self.works.values():
            stories[work.key].works.append(work)
        for resolution in self.resolutions:
            stories[resolution.key].resolutions.append(resolution)
        for key, run in self.effects:
            stories[key].effects.append(run)
        for key, state in self.records:
            stories[key].records.append(state)
        return list(stories.values())

    def undone(self) -> list[Work]:
        """The works that were begun and have left no effect."""
        left = {run for _, run in self.effects}
        return [work for work in self.works.values() if work.run not in left]


@dataclass(slots=True, kw_only=True)
class Story:
    """All that is known of one key."""

    key: str
    endpoint: str
    answers: list[Answer] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)

    @property
    def promise(self) -> str:
        """ "atomic", "fail" or "retry"."""
        return self.endpoint.partition("-")[0]

    @property
    def successes(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.success]
