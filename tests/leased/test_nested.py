"""Guards within guards, where one of them is leased: what passes through, what joins, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, LeaseLost, Unknown, bind, downstream_key, extend
from django_idempotency.decorators import idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.leased.desk import LEASED, OUTSIDE, code, leased, post
from tests.leased.test_fencing import elsewhere, not_sqlite
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

ATOMIC = IdempotencyPolicy(scope=everyone, required=True)
# What happens while the next inner handler runs, and nothing after that.
MEANWHILE: list[Callable[[], object]] = []


def leave(label: str) -> Effect:
    OUTSIDE.append(downstream_key())
    return Effect.objects.create(label=label)


def twice() -> dict[str, int]:
    effect = leave("twice")
    bind(effect)
    extend()
    return {"id": effect.pk}


class MixedAndDecorated(IdempotencyMixin, APIView):
    idempotency_policy = LEASED

    @method_decorator(idempotent(LEASED))
    def post(self, request: Request) -> Response:
        return Response(twice(), status=201)


@api_view(["POST"])
@idempotent(LEASED)
@idempotent(LEASED)
def decorated_twice(request: Request) -> Response:
    return Response(twice(), status=201)


def inner(request: HttpRequest) -> HttpResponse:
    effect = leave("inner")
    bind(effect)
    if MEANWHILE:
        MEANWHILE.pop()()
    match json.loads(request.body).get("inner"):
        case "raises":
            raise RuntimeError("of its own")
        case "refuses":
            return JsonResponse({}, status=400)
    return JsonResponse({"id": effect.pk}, status=201)


def around(called: Any) -> Callable[[HttpRequest], HttpResponse]:
    """A handler that calls another guarded one with its own key, and ends as the body asks for."""

    def outer(request: HttpRequest) -> HttpResponse:
        said = json.loads(request.body)
        before = leave("before")
        try:
            status = called(request).status_code
        except LeaseLost:
            raise
        except Exception as error:
            if "outer" not in said:
                raise
            status = type(error).__name__
        match said.get("outer"):
            case "raises":
                raise RuntimeError("out of paper")
            case "refuses":
                return JsonResponse({}, status=400)
        return JsonResponse({"id": before.pk, "inner": status}, status=201)

    return outer


RETRIES = LEASED.but(on_unknown=Unknown.RETRY)
ATOMIC_INNER = leased(ATOMIC.but(endpoint="inner"), inner)
LEASED_INNER = leased(LEASED.but(endpoint="inner"), inner)
urlpatterns = [
    path("mixed/", MixedAndDecorated.as_view()),
    path("decorated/", decorated_twice),
    path("fail/", leased(LEASED, around(ATOMIC_INNER))),
    path("retry/", leased(RETRIES, around(ATOMIC_INNER))),
    path("leased-in-leased/", leased(LEASED, around(LEASED_INNER))),
    path("leased-in-atomic/", leased(ATOMIC, around(LEASED_INNER))),
]


@pytest.fixture(autouse=True)
def _clean() -> None:
    OUTSIDE.clear()
    MEANWHILE.clear()


def effects() -> list[str]:
    return sorted(Effect.objects.values_list("label", flat=True))


def states() -> dict[str, str]:
    """Each record's state, by its mode."""
    return dict(IdempotencyRecord.objects.values_list("mode", "state"))


def of_the_outer() -> IdempotencyRecord:
    return IdempotencyRecord.objects.get(mode="leased")


def lapse() -> None:
    """Let the outer lease be over: that row moves, no clock does, and the inner handler's locks are in nobody's way."""
    over = timezone.now() - timedelta(seconds=1)
    assert IdempotencyRecord.objects.filter(pk=of_the_outer().pk).update(lease_expires_at=over) == 1


def assert_replays(path: str, first: Any, **body: Any) -> None:
    called = len(OUTSIDE)
    again = post(path, **body)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(OUTSIDE) == called


# -- The same request, guarded twice ---------------------------------------------------------------


@pytest.mark.parametrize("path", ["/mixed/", "/decorated/"])
def test_a_view_that_is_guarded_twice_runs_once(database: Database, path: str) -> None:
    """REQ 1: mixin and decorator on one leased view are one guard: one claim, one effect, one replay."""
    first = post(path)
    assert (first.status_code, states()) == (201, {"leased": "completed"})
    assert "Idempotent-Replayed" not in first.headers
    assert (of_the_outer().resource_type, effects(), len(OUTSIDE)) == ("app.effect", ["twice"], 1)
    assert_replays(path, first)


# -- An atomic guard in a leased handler -----------------------------------------------------------


def test_an_atomic_guard_joins_a_leased_handler(database: Database) -> None:
    """REQ 2: both keys are stored with the one COMMIT; a retry of the outer request calls nothing."""
    first = post("/fail/")
    assert (first.status_code, json.loads(first.content)["inner"]) == (201, 201)
    assert (effects(), states()) == (["before", "inner"], {"leased": "completed", "atomic": "completed"})
    assert_replays("/fail/", first)


def test_it_is_undone_with_a_leased_handler_that_raises(database: Database) -> None:
    """REQ 2, 8: an inner answer that was stored is forgotten with the rest; the outer outcome is unknown."""
    assert post("/fail/", outer="raises").status_code == 500
    assert (effects(), states()) == ([], {"leased": "unknown"})
    assert code(post("/fail/", outer="raises")) == (409, "outcome_unknown")
    assert len(OUTSIDE) == 2


def test_it_is_undone_with_a_leased_handler_that_refuses(database: Database) -> None:
    """REQ 2, 10: the refusal frees both keys, and the corrected request carries out both."""
    assert post("/fail/", outer="refuses").status_code == 400
    assert (effects(), states()) == ([], {})
    assert json.loads(post("/fail/").content)["inner"] == 201
    assert (effects(), states()) == (["before", "inner"], {"leased": "completed", "atomic": "completed"})


@pytest.mark.parametrize(("fails", "answer"), [("raises", "RuntimeError"), ("refuses", 400)])
def test_its_failure_is_its_own(database: Database, fails: str, answer: object) -> None:
    """REQ 2: what the inner one wrote is undone and its key free; the leased one goes on, and is stored."""
    first = post("/fail/", inner=fails, outer="goes on")
    assert (first.status_code, json.loads(first.content)["inner"]) == (201, answer)
    assert (effects(), states()) == (["before"], {"leased": "completed"})
    assert_replays("/fail/", first, inner=fails, outer="goes on")


# -- A leased guard in another one -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "left"), [("/leased-in-atomic/", {}), ("/leased-in-leased/", {"leased": "unknown"})]
)
def test_a_leased_guard_in_another_is_refused(
    database: Database, caplog: pytest.LogCaptureFixture, path: str, left: dict[str, str]
) -> None:
    """PROTOCOL: it could not commit its claim first: its handler does not run, and for the outer one it is an error."""
    assert post(path).status_code == 500
    (error,) = [line.exc_info[1] for line in caplog.records if line.exc_info]
    assert isinstance(error, ImproperlyConfigured)
    assert "another guarded handler" in str(error)
    assert (effects(), states(), len(OUTSIDE)) == ([], left, 1)
    again = post(path)
    if left:
        assert (code(again), len(OUTSIDE)) == ((409, "outcome_unknown"), 1)
    else:
        assert (again.status_code, len(OUTSIDE)) == (500, 2)


@pytest.mark.parametrize(
    ("path", "mode"), [("/leased-in-atomic/", "atomic"), ("/leased-in-leased/", "leased")]
)
def test_an_outer_one_may_go_on_without_it(database: Database, path: str, mode: str) -> None:
    """PROTOCOL: the refusal has touched neither the transaction nor the claim of the outer one."""
    first = post(path, outer="goes on")
    assert (first.status_code, json.loads(first.content)["inner"]) == (201, "ImproperlyConfigured")
    assert (effects(), states()) == (["before"], {mode: "completed"})
    assert_replays(path, first, outer="goes on")


# -- What an inner handler says --------------------------------------------------------------------


def test_each_binds_its_own_record(database: Database) -> None:
    """REQ 20: what the inner handler makes belongs to the inner key: deleted, it takes no answer from the outer one."""
    first = post("/fail/")
    inner = IdempotencyRecord.objects.get(mode="atomic")
    made = Effect.objects.get(label="inner")
    assert (inner.resource_type, inner.resource_id) == ("app.effect", str(made.pk))
    assert of_the_outer().resource_type == ""
    made.delete()
    assert_replays("/fail/", first)


def test_each_has_its_own_downstream_key(database: Database) -> None:
    """PROTOCOL: the inner request is another one outside as well, and both keep their keys in each attempt."""
    assert post("/retry/", outer="raises").status_code == 500
    assert post("/retry/", outer="raises").status_code == 500
    first, second = OUTSIDE[:2], OUTSIDE[2:]
    assert first == second
    assert len(set(first)) == 2
    assert first[0] == of_the_outer().downstream_key()


@not_sqlite
def test_an_inner_handler_extends_the_lease_of_the_outer_one(database: Database) -> None:
    """PROTOCOL: it is the outer claim that would lapse meanwhile: extend() holds it, and others see so at once."""
    refused: list[Any] = []

    def watch() -> None:
        elsewhere(lapse)
        refused.append(elsewhere(lambda: code(post("/fail/"))))
        extend(600)
        refused.append(elsewhere(lambda: code(post("/fail/"))))

    MEANWHILE.append(watch)
    first = post("/fail/")
    assert refused == [(409, "outcome_unknown"), (409, "idempotency_in_progress")]
    assert first.status_code == 201
    assert_replays("/fail/", first)


def test_an_inner_handler_extends_on_every_database(database: Database) -> None:
    """PROTOCOL: also where there is one writer, and nobody could take the claim over."""
    before: list[Any] = []

    def watch() -> None:
        before.append(of_the_outer().lease_expires_at)
        extend(3600)
        before.append(of_the_outer().lease_expires_at)

    MEANWHILE.append(watch)
    assert post("/fail/").status_code == 201
    assert before[0] < before[1]


@not_sqlite
def test_an_inner_handler_is_told_that_the_outer_claim_is_lost(database: Database) -> None:
    """PROTOCOL: LeaseLost passes through the inner guard: all is undone, and the answer is the one that was given."""

    def resolve() -> None:
        lapse()
        complete(of_the_outer(), JsonResponse({"id": 7}, status=201), who="ops", why="The bank has it.")

    def happen() -> None:
        elsewhere(resolve)
        extend()
        OUTSIDE.append("went on")

    MEANWHILE.append(happen)
    late = post("/fail/")
    assert (late.status_code, json.loads(late.content)) == (201, {"id": 7})
    assert late.headers["Idempotent-Replayed"] == "true"
    assert (effects(), states()) == ([], {"leased": "completed"})
    assert "went on" not in OUTSIDE
