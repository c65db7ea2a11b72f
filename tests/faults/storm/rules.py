"""What must hold for each key, whatever went wrong meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults.storm.history import BY_HAND, Answer, Story

Rule = Callable[[Story], Iterator[str]]


def broken(story: Story) -> list[str]:
    """Say which rules one key's story breaks."""
    return [words for rule in RULES for words in rule(story)]


def one_effect(story: Story) -> Iterator[str]:
    """Exactly one row, and one record, which is finished."""
    if len(story.effects) != 1:
        yield f"{len(story.effects)} effects in the database"
    if story.records != ["completed"]:
        yield f"its records are {story.records}"


def one_answer(story: Story) -> Iterator[str]:
    """All successes have the same bytes, and at most one of them claims to be the first."""
    told = {(answer.content_type, answer.body) for answer in story.successes}
    if len(told) > 1:
        yield f"{len(told)} different successes"
    firsts = [answer.request for answer in story.successes if not answer.replayed]
    if len(firsts) > 1:
        yield f"{len(firsts)} successes that are no replays: {', '.join(firsts)}"


def answer_tells_of_the_effect(story: Story) -> Iterator[str]:
    """A success names the run whose row is there."""
    for answer in story.successes:
        if story.effects and not any(f'"{run}"'.encode() in answer.body for run in story.effects):
            yield f"{answer.request} was told of another run than the one that left its effect"
            return


def answered(story: Story) -> Iterator[str]:
    """Whoever asked was told of the success in the end."""
    last = {answer.asker: answer for answer in story.answers}
    if not last:
        yield "it was never asked for"
    for asker, answer in last.items():
        if not answer.success:
            yield f"client {asker} was never answered"


def allowed(story: Story) -> Iterator[str]:
    """Any other answer is one that the documentation knows."""
    raised = {work.request for work in story.works if work.raised}
    for answer in story.answers:
        if answer.status is None or answer.success:
            continue
        if answer.status == 500:
            if answer.request not in raised:
                yield f"{answer.request} was answered 500, and its handler did not raise"
        elif not _known(answer, story.promise):
            yield f"{answer.request} was answered {describe(answer)}"


def _known(answer: Answer, promise: str) -> bool:
    told = (answer.status, answer.code, answer.should_retry, answer.retry_after)
    again = ("true", "1")
    return told in {
        (409, "idempotency_in_progress", *again),
        (503, "idempotency_unavailable", *again),
    } or (promise == "fail" and told == (409, "outcome_unknown", "false", None))


def success_is_final(story: Story) -> Iterator[str]:
    """A request that is sent after a success has arrived is never told that nothing is known yet."""
    arrived = min((answer.received for answer in story.successes), default=None)
    for answer in story.answers:
        if arrived is not None and answer.sent > arrived and answer.status in (409, 500):
            yield f"{answer.request} was answered {describe(answer)}, after a success had arrived"


def at_most_once(story: Story) -> Iterator[str]:
    """`fail`: a handler runs again only after somebody has said that it may."""
    allowed = 1 + sum(resolution.action == "released" for resolution in story.resolutions)
    if story.promise == "fail" and len(story.works) > allowed:
        yield f"its handler ran {len(story.works)} times, and {allowed} were allowed"


def at_least_once(story: Story) -> Iterator[str]:
    """Whatever the mode, the effect outside of the run that counts has happened, under one downstream key."""
    outside = {work.run for work in story.works if work.outside}
    for run in story.effects:
        if run.removeprefix(BY_HAND) not in outside:
            yield f"its effect outside is missing for run {run}"
    if len({work.downstream for work in story.works}) > 1:
        yield "its runs had different downstream keys"


RULES: tuple[Rule, ...] = (
    one_effect,
    one_answer,
    answer_tells_of_the_effect,
    answered,
    allowed,
    success_is_final,
    at_most_once,
    at_least_once,
)


def describe(answer: Answer) -> str:
    """An answer in words."""
    if answer.status is None:
        return f"nothing: {answer.code}"
    if answer.success:
        return f"201{', a replay' if answer.replayed else ''}"
    return f"{answer.status} {answer.code} (should retry: {answer.should_retry}, after: {answer.retry_after})"
