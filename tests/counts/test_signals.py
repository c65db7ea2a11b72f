"""What receivers are told, when, and what they can break: nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from threading import Thread
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import path

from django_idempotency import IdempotencyPolicy, Mode
from django_idempotency.decorators import idempotent
from django_idempotency.events import Event
from django_idempotency.models import IdempotencyCount, IdempotencyRecord
from django_idempotency.purge import Purged, purge
from django_idempotency.resolution import complete, expire, release
from django_idempotency.signals import record_settled, records_purged, request_answered
from tests.app.models import Effect
from tests.counts.parts import ENDPOINT, Heard, written
from tests.lifetimes.rows import rows
from tests.rig import Database
from tests.rules.parts import Site, insert, is_replay, send

SECRET = "5ecret"
SCOPED = IdempotencyPolicy(scope=lambda request: f"scope-{SECRET}")


@contextmanager
def listening(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """Everything that a receiver of the signal is given."""
    told: list[dict[str, Any]] = []

    def receiver(**given: Any) -> None:
        told.append(given)

    signal.connect(receiver)
    try:
        yield told
    finally:
        signal.disconnect(receiver)


def in_another_session(look: Callable[[], Any]) -> Any:
    """What somebody else sees now."""
    seen: list[Any] = []
    thread = Thread(target=lambda: seen.append(look()))
    thread.start()
    thread.join()
    return seen[0]


@pytest.mark.parametrize("mode", Mode)
def test_after_the_commit(database: Database, site: Site, mode: Mode) -> None:
    """REQ 27: whoever is told that a request was executed finds what it has done, committed."""
    seen: list[tuple[int, int]] = []

    def look(event: Event, **kwargs: Any) -> None:
        seen.append(in_another_session(lambda: (Effect.objects.count(), IdempotencyRecord.objects.count())))

    request_answered.connect(look)
    try:
        send(site(SCOPED.but(mode=mode)))
    finally:
        request_answered.disconnect(look)
    assert seen == [(1, 1)]


def test_a_receiver_that_fails(
    database: Database, site: Site, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 27: its failure is logged; the request is answered, and the others are told."""

    def failing(event: Event, **kwargs: Any) -> None:
        raise RuntimeError("no")

    client = site()
    request_answered.connect(failing)
    try:
        answers = [send(client) for _ in range(2)]
    finally:
        request_answered.disconnect(failing)
    assert is_replay(*answers)
    assert (Effect.objects.count(), heard.ends) == (1, [("executed", 201), ("replayed", 201)])
    failures = [record for record in caplog.records if record.name == "django.dispatch"]
    assert len(failures) == 2


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
def test_no_secret_is_told_or_counted(
    database: Database, site: Site, drf: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 23, 27: neither key nor scope nor body, of the request or of the response, is in what receivers are given."""

    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        insert(request)
        return JsonResponse({"card": SECRET}, status=201, headers={"Location": f"/{SECRET}"})

    def fails(request: HttpRequest, rest: str = "") -> HttpResponse:
        raise RuntimeError(SECRET)

    with caplog.at_level(logging.DEBUG), listening(request_answered) as told:
        for handler in (view, fails):
            client = site(SCOPED, handler, drf=drf)
            for amount in (1, 1, 2):
                send(client, {"card": SECRET, "amount": amount}, key=f"key-{SECRET}", path=f"/{SECRET}")
            IdempotencyRecord.objects.all().delete()
        counted = written()
    assert {each["event"].outcome for each in told} == {
        "executed",
        "replayed",
        "idempotency_conflict",
        "failed",
    }
    for given in told:
        event = given["event"]
        assert set(given) == {"signal", "sender", "event"}
        # Nothing but plain values: through no attribute does one come to a request.
        assert {type(getattr(event, field.name)) for field in fields(event)} <= {str, int, float, type(None)}
        assert SECRET not in repr(given)
    assert counted
    assert SECRET not in repr(list(IdempotencyCount.objects.values()))
    assert not any(SECRET in record.getMessage() for record in caplog.records if "idempotency" in record.name)


@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
@pytest.mark.usefixtures("counting")
def test_inside_the_projects_transaction(database: Database, site: Site, heard: Heard) -> None:
    """REQ 7, 27: where the request's transaction is the project's, it is told before that ends, and counts all the same."""
    committed: list[bool] = []
    request_answered.connect(
        look := lambda **kwargs: committed.append(not transaction.get_connection().in_atomic_block)
    )
    try:
        send(site(), path="/x")
    finally:
        request_answered.disconnect(look)
    assert committed == [False]
    assert heard.ends == [("executed", 201)]
    assert written() == {(ENDPOINT, "executed"): 1}


@pytest.mark.usefixtures("counting")
def test_a_router_that_fails(
    database: Database, site: Site, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 27: a request is answered as it is, whether or not it can be counted."""
    client = site(SCOPED.but(required=True))
    settings.DATABASE_ROUTERS = [Lost()]
    assert send(client, key=None).status_code == 400
    assert "could not be told: RuntimeError" in caplog.text


class Lost:
    """A router that does not know where it is."""

    def db_for_write(self, model: type, **hints: Any) -> str:
        raise RuntimeError(SECRET)


class TestRecordSettled:
    """REQ 26, 27: what is done to a record by hand is told once it is committed, without whose it is."""

    @pytest.fixture(autouse=True)
    def _leased(self, settings: Any) -> None:
        policy = SCOPED.but(mode=Mode.LEASED)
        settings.ROOT_URLCONF = (path("pay/", idempotent(policy)(insert), name="pay"),)

    @pytest.mark.parametrize("action", ["released", "completed", "expired"])
    def test_what_was_done(self, database: Database, action: str) -> None:
        Client().post("/pay/", headers={"Idempotency-Key": SECRET})
        if action != "expired":
            IdempotencyRecord.objects.update(state="unknown", owner="0" * 32)
        record = IdempotencyRecord.objects.get()
        who = f"ops-{SECRET}"
        with listening(record_settled) as told:
            with transaction.atomic():
                match action:
                    case "released":
                        release(record, who=who, why=SECRET)
                    case "completed":
                        complete(record, HttpResponse(SECRET), who=who, why=SECRET)
                    case "expired":
                        expire(record, who=who, why=SECRET)
                assert told == []
            (given,) = told
        assert (given["action"], given["endpoint"], given["mode"]) == (action, "POST pay", "leased")
        assert set(given) == {"signal", "sender", "action", "endpoint", "mode"}
        assert SECRET not in repr(given)

    def test_not_what_was_rolled_back(self, database: Database) -> None:
        """What did not happen is not told."""
        Client().post("/pay/", headers={"Idempotency-Key": SECRET})
        with listening(record_settled) as told, transaction.atomic():
            expire(IdempotencyRecord.objects.get(), who="ops", why="a test")
            transaction.set_rollback(True)
        assert told == []


def test_a_purge_tells_what_it_did(database: Database) -> None:
    """REQ 27: at its end, with its counts and the alias."""
    rows(3)
    with listening(records_purged) as told:
        assert purge(rest=0).expired == 3
    (given,) = told
    assert (given["purged"], given["database"]) == (Purged(expired=3, finished=True), "default")
