"""A `reconcile` hook that takes its time: by its end the claim may be somebody else's, and what it wrote is not kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import Finding, Unknown, bind
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete
from tests.app.models import Effect
from tests.leased.desk import LEASED, OUTSIDE, abandoned, code, lapse, leased, post, record
from tests.leased.test_fencing import elsewhere, point
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("postgresql", "mariadb")]

# What happens while the next hook, or the next handler, runs.
MEANWHILE: list[Callable[[], object]] = []


def work(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append("called")
    return JsonResponse({"id": Effect.objects.create(label="charge").pk}, status=201)


def not_done(found: IdempotencyRecord) -> Any:
    if MEANWHILE:
        MEANWHILE.pop()()
    return Finding.NOT_DONE


def unknown_after_a_note(found: IdempotencyRecord) -> Any:
    Effect.objects.create(label="asked")
    return Finding.STILL_UNKNOWN


def bound_late(request: HttpRequest) -> HttpResponse:
    OUTSIDE.append("called")
    if MEANWHILE and len(OUTSIDE) > 1:
        MEANWHILE.pop()()
    effect = Effect.objects.create(label="run")
    bind(effect)
    if len(OUTSIDE) == 1:
        raise RuntimeError
    return JsonResponse({"id": effect.pk}, status=201)


RECONCILE = LEASED.but(on_unknown=Unknown.RECONCILE, reconcile=not_done)
urlpatterns = [
    path("asks/", leased(RECONCILE, work)),
    path("notes/", leased(RECONCILE.but(reconcile=unknown_after_a_note), work)),
    path("points/", leased(LEASED.but(on_unknown=Unknown.RETRY, pointer=point), bound_late)),
]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    OUTSIDE.clear()
    MEANWHILE.clear()


def test_another_has_run_meanwhile(database: Database) -> None:
    """REQ 8: the hook outlasts its lease and another request runs: the outside world is called once, both get its answer."""
    post("/asks/")
    abandoned()
    OUTSIDE.clear()
    answers: list[Any] = []

    def another() -> None:
        elsewhere(lapse)
        answers.append(elsewhere(lambda: post("/asks/")))

    MEANWHILE.append(another)
    late = post("/asks/")
    assert OUTSIDE == ["called"]
    assert (late.status_code, late.content) == (201, answers[0].content)
    assert Effect.objects.count() == 1


def test_somebody_has_resolved_it_meanwhile(database: Database) -> None:
    """REQ 8: the hook outlasts its lease and an operator says what was done: nothing is called, that is the answer."""
    post("/asks/")
    abandoned()
    OUTSIDE.clear()

    def resolve() -> None:
        lapse()
        complete(record(), JsonResponse({"by": "hand"}, status=201), who="ops", why="The provider did it.")

    MEANWHILE.append(lambda: elsewhere(resolve))
    assert post("/asks/").json() == {"by": "hand"}
    assert OUTSIDE == []


def test_what_a_hook_wrote(database: Database) -> None:
    """REQ 2: a hook that found nothing out leaves nothing behind, however often it is asked."""
    post("/notes/")
    abandoned()
    for _ in range(2):
        assert code(post("/notes/")) == (409, "outcome_unknown")
    assert not Effect.objects.filter(label="asked").exists()


def test_a_pointer_to_what_is_gone(database: Database) -> None:
    """REQ 11: what an attempt had bound, and was rolled back with it, is not what the next one makes."""
    assert post("/points/").status_code == 500
    answers: list[Any] = []
    MEANWHILE.append(lambda: answers.append(elsewhere(lambda: post("/points/"))))
    assert post("/points/").status_code == 201
    assert code(answers[0]) == (409, "idempotency_in_progress")
