"""Guarded tasks in this process: what Celery sees of them, and what is raised where no message can come again."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Thread
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Context
from celery.exceptions import Reject, Retry
from django.db import connection

from django_idempotency import IdempotencyPolicy, NothingHappened, PolicyError, Unknown
from django_idempotency.choices import Mode
from django_idempotency.contrib import celery as contrib
from django_idempotency.contrib.celery import idempotent_task
from django_idempotency.exceptions import (
    IdempotencyError,
    InProgress,
    KeyReused,
    OutcomeUnknown,
    Unavailable,
)
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.functions.desk import effects, record
from tests.rig import Database

# Celery would give them to each app that is made afterwards, in other tests as well.
OWN: Any = {"shared": False}


@pytest.fixture
def app() -> Iterator[Celery]:
    with Celery("tests.functions", set_as_current=False, broker="memory://") as app:
        yield app


def invoice_of(app: Celery, policy: IdempotencyPolicy | None = None) -> Any:
    @app.task(bind=True, name="shop.invoice", **OWN)
    @idempotent_task(policy, key=lambda self, order: f"{self.name}:{order}")
    def invoice(self: Any, order: str, amount: int = 1) -> tuple[str, int]:
        """Leave one effect."""
        Effect.objects.create(label=order, amount=amount)
        return order, amount

    return invoice


def test_called_directly(database: Database, app: Celery) -> None:
    """REQ 28: as a function is: once for its key, and a refusal is raised."""
    invoice = invoice_of(app)
    assert invoice("o") == invoice(order="o") == ["o", 1]
    assert (effects(), record().key, record().endpoint) == (["o"], "shop.invoice:o", "shop.invoice")
    with pytest.raises(KeyReused):
        invoice("o", 2)


@pytest.mark.databases("sqlite")
def test_applied(database: Database, app: Celery) -> None:
    """REQ 28: `apply` has results and failures as a worker has them."""
    invoice = invoice_of(app)
    assert invoice.apply(("o",)).get() == invoice.apply(("o",)).get() == ["o", 1]
    failed = invoice.apply(("o", 2))
    assert (failed.state, type(failed.result)) == ("FAILURE", KeyReused)
    assert effects() == ["o"]


@pytest.mark.databases("sqlite")
def test_a_call_that_is_no_message(database: Database, app: Celery) -> None:
    """REQ 28: a task whose key is its message's runs each time that it is called like a function, or without Celery."""

    @app.task(**OWN)
    @idempotent_task
    def bare(label: str) -> None:
        Effect.objects.create(label=label)

    bare("m")
    bare.run("m")
    assert (effects(), IdempotencyRecord.objects.count()) == (["m", "m"], 0)
    bare.apply(("m",), task_id="id-1")
    bare.apply(("m",), task_id="id-1")
    assert (effects(), record().key) == (["m"] * 3, "id-1")


@pytest.mark.databases("sqlite")
def test_an_endpoint_of_the_policy(database: Database, app: Celery) -> None:
    """REQ 28: a name that outlives a renamed task."""
    invoice_of(app, IdempotencyPolicy(endpoint="invoices"))("o")
    assert record().endpoint == "invoices"


def test_arguments_are_checked_where_they_are_sent(app: Celery) -> None:
    """REQ 28: Celery still knows what the task takes: a wrong message is never sent."""
    invoice = invoice_of(app)
    with pytest.raises(TypeError, match=r"takes|too many"):
        invoice.delay("o", 1, "too many")
    with pytest.raises(TypeError, match="ordre"):
        invoice.delay(ordre="o")


def test_a_policy_for_views(app: Celery) -> None:
    """REQ 28: it is refused where the task is written; so is a key of unknown arguments."""
    with pytest.raises(PolicyError):
        invoice_of(app, IdempotencyPolicy(stored_errors=frozenset({404})))
    with pytest.raises(TypeError, match="It asks for ordre"):
        idempotent_task(key=lambda ordre: ordre)(invoice_of(app).run)


@pytest.mark.databases("postgresql", "mariadb")
def test_a_duplicate_of_a_direct_call(database: Database, app: Celery) -> None:
    """REQ 28, 11: no message comes again for it: who called it is told that the first is under way."""
    inside, go_on = Barrier(2), Barrier(2)

    @app.task(**OWN)
    @idempotent_task(key=lambda order: order)
    def slow(order: str) -> None:
        Effect.objects.create(label=order)
        inside.wait(30)
        go_on.wait(30)

    def first() -> None:
        slow("o")
        connection.close()

    thread = Thread(target=first)
    thread.start()
    inside.wait(30)
    try:
        with pytest.raises(InProgress):
            slow("o")
        applied = slow.apply(("o",))
        assert (applied.state, type(applied.result)) == ("FAILURE", InProgress)
    finally:
        go_on.wait(30)
        thread.join()
    assert effects() == ["o"]


# -- What is done with a message that is refused ---------------------------------------------------

POLICY = IdempotencyPolicy(retry_after=7)
ASKING = IdempotencyPolicy(mode=Mode.LEASED, on_unknown=Unknown.RECONCILE, reconcile="shop.find_out")


class Delivered:
    """A task to which a message was delivered for the third time, and what is sent for it."""

    def __init__(self, app: Celery, broker: Exception | None = None) -> None:
        self.task = invoice_of(app)
        self.task.request_stack.push(
            Context(
                id="id-1",
                args=("o",),
                kwargs={},
                retries=3,
                called_directly=False,
                headers={"idempotency_key": "k"},
                delivery_info={"exchange": "", "routing_key": "slow"},
            )
        )
        self.sent: list[dict[str, Any]] = []
        self.broker = broker
        self.task.apply_async = self.apply_async

    def apply_async(self, args: Any, kwargs: Any, **options: Any) -> None:
        if self.broker is not None:
            raise self.broker
        self.sent.append({"args": args, **options})

    def verdict(self, error: IdempotencyError, policy: IdempotencyPolicy = POLICY) -> Exception:
        return contrib._verdict(self.task, error, policy)


@pytest.mark.parametrize("error", [InProgress(), Unavailable()])
def test_what_may_pass_comes_again(app: Celery, error: IdempotencyError) -> None:
    """REQ 28: the same message, to the same queue, after retry_after; and the task keeps all its own retries."""
    delivered = Delivered(app)
    verdict = delivered.verdict(error)
    assert isinstance(verdict, Retry)
    assert verdict.exc is error
    assert str(verdict.when) == "7"
    [sent] = delivered.sent
    assert (sent["args"], sent["task_id"], sent["retries"]) == (("o",), "id-1", 3)
    assert (sent["countdown"], sent["queue"], sent["headers"]) == (7, "slow", {"idempotency_key": "k"})


def test_what_somebody_may_find_out_comes_again(app: Celery) -> None:
    """REQ 28: an unknown outcome is asked for again where the policy asks; else it is a failure."""
    delivered = Delivered(app)
    assert isinstance(delivered.verdict(OutcomeUnknown(), ASKING), Retry)
    unknown = OutcomeUnknown()
    assert delivered.verdict(unknown) is unknown
    assert len(delivered.sent) == 1


class BankIsClosed(NothingHappened):
    """A task's own word for it."""


@pytest.mark.parametrize("error", [KeyReused(), NothingHappened(), BankIsClosed()])
def test_what_does_not_pass_is_a_failure(app: Celery, error: IdempotencyError) -> None:
    """REQ 28: no retry helps a reused key; and what the task raises itself is left to its own retries."""
    delivered = Delivered(app)
    assert delivered.verdict(error) is error
    assert delivered.sent == []


def test_the_broker_does_not_answer(app: Celery) -> None:
    """REQ 28: then the message that was delivered goes back to where it came from."""
    verdict = Delivered(app, broker=ConnectionError()).verdict(InProgress())
    assert isinstance(verdict, Reject)
    assert vars(verdict)["requeue"]
