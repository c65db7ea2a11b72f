"""How a handler may fail that does not look like it: both modes undo it, and only mode atomic may run it again."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, downstream_key
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.guarantee.gate import PATIENCE
from tests.guarantee.test_transactions import collide, collide_in_bulk, collide_raw
from tests.leased.desk import LEASED, OUTSIDE, code, leased, post
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

ATOMIC = IdempotencyPolicy(scope=everyone, required=True)
POLICIES = {"atomic": ATOMIC, "leased": LEASED}
MODES = pytest.mark.parametrize("mode", POLICIES)
HIDDEN = {"a row": collide, "a statement": collide_raw, "many rows": collide_in_bulk}
MEETINGS: list[threading.Barrier] = []


def leave() -> Effect:
    OUTSIDE.append(downstream_key())
    return Effect.objects.create(label="charge")


def page(request: HttpRequest) -> HttpResponse:
    """Answer with a page that is made late, and cannot be."""
    leave()
    template: Any = engines["django"].from_string("{{ fail }}")
    broken = json.loads(request.body)["broken"]
    return SimpleTemplateResponse(template, {"fail": (lambda: 1 / 0) if broken else "well"}, status=201)


class Rendered(IdempotencyMixin, APIView):
    """The same, of the REST framework."""

    def post(self, request: Request) -> Response:
        data: Any = request.data
        effect = leave()
        return Response({"id": object() if data["broken"] else effect.pk}, status=201)


def hide(request: HttpRequest) -> HttpResponse:
    """Answer with a success after an error of the database."""
    effect = leave()
    hidden = json.loads(request.body)["hides"]
    if hidden is not None:
        with suppress(IntegrityError):
            HIDDEN[hidden]()
            pytest.fail("there was no error to hide")
    return JsonResponse({"id": effect.pk}, status=201)


def transfer(request: HttpRequest) -> HttpResponse:
    """Add to one account, and then to another; who meets somebody in between goes on together with them."""
    effect = leave()
    for place, pk in enumerate(json.loads(request.body)["accounts"]):
        if place and MEETINGS:
            MEETINGS[0].wait(PATIENCE)
        Effect.objects.filter(pk=pk).update(amount=F("amount") + 1)
    return JsonResponse({"id": effect.pk}, status=201)


urlpatterns = [
    each
    for mode, policy in POLICIES.items()
    for each in (
        path(f"{mode}/page/", leased(policy, page)),
        path(f"{mode}/rest/", Rendered.as_view(idempotency_policy=policy)),
        path(f"{mode}/hides/", leased(policy, hide)),
        path(f"{mode}/transfer/", leased(policy, transfer)),
    )
]


@pytest.fixture(autouse=True)
def _clean(settings: Any) -> None:
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    OUTSIDE.clear()
    MEETINGS.clear()


def charges() -> int:
    return Effect.objects.filter(label="charge").count()


def states() -> list[str]:
    return list(IdempotencyRecord.objects.values_list("state", flat=True))


def assert_undone(mode: str, url: str, failed: dict[str, Any], corrected: dict[str, Any]) -> None:
    """Nothing is left of the first one; the retry, corrected or not, runs in mode atomic only."""
    assert (charges(), len(OUTSIDE)) == (0, 1)
    if mode == "leased":
        assert states() == ["unknown"]
        assert code(post(url, **failed)) == (409, "outcome_unknown")
        assert (charges(), len(OUTSIDE)) == (0, 1)
        return
    assert states() == []
    assert post(url, **failed).status_code == 500
    assert (charges(), len(OUTSIDE)) == (0, 2)
    assert post(url, **corrected).status_code == 201
    assert (charges(), states()) == (1, ["completed"])


@MODES
@pytest.mark.parametrize("face", ["page", "rest"])
def test_a_response_that_cannot_be_rendered(database: Database, mode: str, face: str) -> None:
    """REQ 2, 3: rendering is part of the work: it is undone with it; outside, nobody can tell what was done."""
    url = f"/{mode}/{face}/"
    assert post(url, broken=True).status_code == 500
    assert_undone(mode, url, {"broken": True}, {"broken": False})


@MODES
@pytest.mark.parametrize("hides", HIDDEN)
def test_a_hidden_error_of_the_database(database: Database, mode: str, hides: str) -> None:
    """REQ 2: a success is sent only where the effect is there too; else all is undone, and it is a failure."""
    url = f"/{mode}/hides/"
    first = post(url, hides=hides)
    if hides == "a statement" and database.name != "postgresql":  # which undo that one statement, and go on
        assert (first.status_code, charges(), states()) == (201, 1, ["completed"])
        assert post(url, hides=hides).content == first.content
        assert len(OUTSIDE) == 1
        return
    assert first.status_code == 500
    assert_undone(mode, url, {"hides": hides}, {"hides": None})


@pytest.mark.databases("postgresql", "mariadb")
@MODES
def test_a_deadlock_is_the_handlers_failure(database: Database, mode: str) -> None:
    """REQ 8: who loses it is undone; in mode atomic its retry runs, in mode leased its outcome is unknown at once."""
    one, two = (Effect.objects.create(label="account").pk for _ in range(2))
    bodies = {"a": [one, two], "b": [two, one]}
    url = f"/{mode}/transfer/"
    MEETINGS.append(threading.Barrier(2))

    def send(key: str) -> Any:
        try:
            return post(url, key=key, accounts=bodies[key])
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(bodies, pool.map(send, bodies), strict=True))
    MEETINGS.clear()
    (loser,) = (key for key, answer in answers.items() if answer.status_code == 500)
    (winner,) = (key for key, answer in answers.items() if answer.status_code == 201)
    assert post(url, key=winner, accounts=bodies[winner]).content == answers[winner].content
    assert (charges(), len(OUTSIDE)) == (1, 2)
    retry = post(url, key=loser, accounts=bodies[loser])
    if mode == "leased":
        assert code(retry) == (409, "outcome_unknown")
        assert (charges(), len(OUTSIDE)) == (1, 2)
    else:
        assert retry.status_code == 201
        assert (charges(), len(OUTSIDE)) == (2, 3)
