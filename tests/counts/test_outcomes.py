"""Each end of a guarded request is told, and counted, as what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework.exceptions import ValidationError

from django_idempotency import IdempotencyPolicy, Mode, NothingHappened, bind, harmless
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.counts.parts import ENDPOINT, Heard, written
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, insert, send
from tests.rules.refusals import REFUSALS

pytestmark = pytest.mark.usefixtures("counting")

faces = pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
LEASED = OPEN.but(mode=Mode.LEASED)


def raises(error: Exception) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        insert(request)
        raise error

    return view


def answers(status: int) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, rest: str = "") -> HttpResponse:
        insert(request)
        return JsonResponse({}, status=status)

    return view


def carefully(request: HttpRequest, rest: str = "") -> HttpResponse:
    with harmless():
        raise Http404


def bound(request: HttpRequest, rest: str = "") -> HttpResponse:
    bind(Effect.objects.create(label="x"))
    return JsonResponse({}, status=201)


def pointer(request: HttpRequest, record: IdempotencyRecord) -> HttpResponse:
    return HttpResponse(status=202)


@faces
def test_first_and_replay(database: Database, site: Site, heard: Heard, drf: bool) -> None:
    """REQ 27: a request that ran and its replays are told at once, with the status of each, and counted."""
    client = site(drf=drf)
    for _ in range(3):
        send(client, path="/x")
    assert heard.ends == [("executed", 201), ("replayed", 201), ("replayed", 201)]
    assert {(event.endpoint, event.mode) for event in heard} == {(ENDPOINT, "atomic")}
    assert all(0 < event.seconds < 60 for event in heard)
    assert written() == {(ENDPOINT, "executed"): 1, (ENDPOINT, "replayed"): 2}


@pytest.mark.parametrize(
    ("view", "policy", "end"),
    [
        # What the view itself refuses is no failure.
        (answers(400), OPEN, ("released", 400)),
        (raises(Http404()), OPEN, ("released", 404)),
        (raises(PermissionDenied()), OPEN, ("released", 403)),
        (answers(402), LEASED, ("released", 402)),
        (answers(503), OPEN, ("failed", 503)),
        (raises(RuntimeError()), OPEN, ("failed", None)),
        (answers(500), LEASED, ("failed", 500)),
        # Its outcome is unknown, whatever the client is told.
        (raises(Http404()), LEASED, ("failed", 404)),
        (raises(Http404()), LEASED.but(stored_errors=frozenset({402})), ("failed", 404)),
        (answers(402), OPEN.but(stored_errors=frozenset({402})), ("executed", 402)),
        (raises(NothingHappened()), LEASED, ("nothing_happened", 503)),
    ],
)
@faces
def test_other_ends(
    database: Database,
    site: Site,
    heard: Heard,
    view: Any,
    policy: IdempotencyPolicy,
    end: tuple[str, int],
    drf: bool,
) -> None:
    """REQ 27: what a view refuses, and what fails, are told apart, however the view says so."""
    response = send(site(policy, view, drf=drf), path="/x")
    assert heard.ends == [end]
    assert response.status_code == (end[1] or 500)
    assert written() == {(ENDPOINT, end[0]): 1}


def test_a_serializer_that_refuses(database: Database, site: Site, heard: Heard) -> None:
    """REQ 27: DRF's exceptions are refusals of the view, with the status that DRF makes of them."""
    send(site(view=raises(ValidationError()), drf=True), path="/x")
    assert heard.ends == [("released", 400)]
    assert written() == {(ENDPOINT, "released"): 1}


@faces
@pytest.mark.parametrize("meet", [refusal[0] for refusal in REFUSALS.values()], ids=REFUSALS)
def test_refusals(database: Database, site: Site, heard: Heard, meet: Any, drf: bool) -> None:
    """REQ 27: each refusal is told and counted under the code that the client sees."""
    response = meet(site, OPEN, drf)
    assert heard.ends[-1] == (code(response), response.status_code)
    assert Counter(outcome for (_, outcome), n in written().items() for _ in range(n)) == Counter(
        event.outcome for event in heard
    )


def test_refusals_of_what_lasts(database: Database, site: Site, heard: Heard) -> None:
    """REQ 27: a deleted object, an unknown outcome, a pointer to what is under way, each by its name."""
    client = site(LEASED.but(pointer=pointer), bound)
    send(client, path="/x")
    IdempotencyRecord.objects.update(state="in_progress", lease_expires_at="2999-01-01T00:00Z")
    assert send(client, path="/x").status_code == 202
    IdempotencyRecord.objects.update(state="unknown")
    send(client, path="/x")
    IdempotencyRecord.objects.update(state="completed")
    Effect.objects.all().delete()
    send(client, path="/x")
    ends = [("executed", 201), ("pointed", 202), ("outcome_unknown", 409), ("not_found", 404)]
    assert heard.ends == ends
    assert written() == {(ENDPOINT, outcome): 1 for outcome, _ in ends}


@faces
def test_what_is_not_guarded(database: Database, site: Site, heard: Heard, settings: Any, drf: bool) -> None:
    """REQ 21, 27: requests without a key, of other methods, or while the guard is off are nobody's business."""
    client = site(OPEN, raises(RuntimeError()), drf=drf)
    send(client, key=None)
    send(client, method="PUT")
    settings.IDEMPOTENCY = {"COUNTS": True, "ENABLED": False}
    send(client)
    client = site(OPEN, raises(NothingHappened()), drf=drf)
    send(client)
    assert heard == []
    assert written() == {}


def test_once_however_often_it_is_guarded(database: Database, site: Site, heard: Heard) -> None:
    """REQ 27: a request that passes two guards with the same key is one request."""
    client = site(OPEN, idempotent(OPEN)(insert))
    send(client, path="/x")
    assert heard.ends == [("executed", 201)]
    assert written() == {(ENDPOINT, "executed"): 1}
