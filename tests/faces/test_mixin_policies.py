"""Which policy holds for a request to a view with the mixin, and what is refused where the class is written."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import include, path
from django.views import View
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ModelViewSet, ViewSet

from django_idempotency import Header, IdempotencyPolicy, Mismatch, Mode, NothingHappened, PolicyError
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

REQUIRED = IdempotencyPolicy(required=True)
CONFLICT = IdempotencyPolicy(mismatch_status=409)
VALIDATE = IdempotencyPolicy(on_mismatch=Mismatch.VALIDATE)
NAMED = IdempotencyPolicy(keys=(Header("X-Operation"),), required=True)


class Defaults(IdempotencyMixin, TokenView):
    def post(self, request: Request) -> Response:
        return record(request)


class Strict(Defaults):
    idempotency_policy = REQUIRED


class Payments(IdempotencyMixin, TokenView, ViewSet):
    idempotency_policy = CONFLICT

    def create(self, request: Request) -> Response:
        return record(request)

    @action(detail=False, methods=["post"], idempotency_policy=REQUIRED)
    def capture(self, request: Request) -> Response:
        return record(request)

    @action(detail=False, methods=["post"], idempotency_policy=None)
    def void(self, request: Request) -> Response:
        return record(request)


class ByAction(IdempotencyMixin, TokenView, ViewSet):
    def get_idempotency_policy(self) -> IdempotencyPolicy:
        if self.action == "capture" and self.request.user.username == "ann":
            return REQUIRED
        return CONFLICT

    def create(self, request: Request) -> Response:
        return record(request)

    @action(detail=False, methods=["post"])
    def capture(self, request: Request) -> Response:
        return record(request)


router = SimpleRouter()
router.register("payments", Payments, basename="payments")
router.register("by-action", ByAction, basename="by-action")
urlpatterns = [
    path("defaults/", Defaults.as_view(), name="defaults"),
    path("strict/", Strict.as_view(), name="strict"),
    path("per-route/", Defaults.as_view(idempotency_policy=REQUIRED), name="per-route"),
    path("", include(router.urls)),
]


@pytest.mark.parametrize(
    ("path", "required"),
    [
        ("/defaults/", False),
        ("/strict/", True),
        ("/per-route/", True),
        ("/payments/", False),
        ("/payments/capture/", True),
        ("/payments/void/", False),
        ("/by-action/", False),
        ("/by-action/capture/", True),
    ],
)
def test_a_policy_requires_a_key_or_not(database: Database, path: str, required: bool) -> None:
    """REQ 21: required or optional, as the policy of the view, the route, the action or the method says."""
    caller = client()
    answer = send(caller, path, key=None)
    assert answer.status_code == (400 if required else 201)
    assert effects() == (0 if required else 1)
    assert same(send(caller, path), send(caller, path))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/defaults/", 422),
        ("/payments/", 409),
        ("/payments/capture/", 422),
        ("/payments/void/", 422),
        ("/by-action/", 409),
        ("/by-action/capture/", 422),
    ],
)
def test_a_policy_says_how_a_mismatch_is_answered(database: Database, path: str, status: int) -> None:
    """REQ 18: the status of a mismatch is the one of the policy in force, per view and per action."""
    caller = client()
    first = send(caller, path, {"label": "a"})
    assert send(caller, path, {"label": "b"}).status_code == status
    assert effects() == 1
    assert same(first, send(caller, path, {"label": "a"}))


def test_the_policy_may_depend_on_the_caller(database: Database) -> None:
    """`get_idempotency_policy` is asked when the user is known."""
    assert send(client("ann"), "/by-action/capture/", key=None).status_code == 400
    assert send(client("bob"), "/by-action/capture/", key=None).status_code == 201


@pytest.mark.parametrize("policy", [NAMED, f"{__name__}.NAMED"], ids=["value", "path"])
def test_no_policy_is_the_one_of_the_settings(database: Database, settings: Any, policy: Any) -> None:
    """A view without a policy has that of the settings, also where it is given as a path."""
    settings.IDEMPOTENCY = {"POLICY": policy}
    caller = client()
    for url, status in [("/defaults/", 400), ("/payments/void/", 400), ("/payments/", 201)]:
        assert send(caller, url).status_code == status
    first, retry = (send(caller, "/defaults/", key=None, headers={"X-Operation": "o"}) for _ in range(2))
    assert same(first, retry)


@pytest.mark.parametrize("base", [APIView, GenericAPIView, ViewSet, GenericViewSet, ModelViewSet, TokenView])
def test_the_wrong_order_of_bases_is_refused(base: type) -> None:
    """A mixin that stands behind the view would guard nothing, and is a TypeError where the class is written."""
    with pytest.raises(TypeError, match="write IdempotencyMixin before"):
        type("Wrong", (base, IdempotencyMixin), {})


def test_a_view_that_is_not_of_drf_is_refused() -> None:
    """A plain Django view never calls what the mixin hooks into, so it would run unguarded: refused at once."""
    with pytest.raises(TypeError, match="idempotent"):
        type("Wrong", (IdempotencyMixin, View), {})


def test_a_base_of_ones_own_is_welcome() -> None:
    """A class between the mixin and the view needs no view yet."""
    own = type("Own", (IdempotencyMixin,), {"idempotency_policy": REQUIRED})
    view = type("Fine", (own, Defaults), {})
    assert view.idempotency_policy is REQUIRED  # type: ignore[attr-defined]


def test_validate_without_its_hook_is_refused() -> None:
    """`on_mismatch=VALIDATE` without `validate_replay` is an error where the class is written."""
    with pytest.raises(PolicyError, match="validate_replay"):
        type("Wrong", (Defaults,), {"idempotency_policy": VALIDATE})


def test_validate_without_its_hook_is_refused_for_an_action() -> None:
    """The same for the policy of an action."""

    def pay(self: Any, request: Request) -> Response:
        return record(request)

    with pytest.raises(PolicyError, match="validate_replay"):
        type(
            "Wrong",
            (Payments,),
            {"pay": action(detail=False, methods=["post"], idempotency_policy=VALIDATE)(pay)},
        )


def test_validate_with_its_hook_is_welcome() -> None:
    """With the hook, inherited or own, the class is made."""
    hook = {"validate_replay": lambda self, request: None}
    parent = type("Parent", (Defaults,), hook)
    type("Fine", (parent,), {"idempotency_policy": VALIDATE})


def test_validate_from_the_settings_without_a_hook_is_loud(database: Database, settings: Any) -> None:
    """A policy of the settings that needs a hook is no silent replay where the view has none."""
    settings.IDEMPOTENCY = {"POLICY": VALIDATE}
    caller = client()
    first = send(caller, "/defaults/", {"label": "a"})
    with pytest.raises(ImproperlyConfigured, match="validate_replay"):
        send(caller, "/defaults/", {"label": "b"})
    assert REPLAYED in send(caller, "/defaults/", {"label": "a"}).headers
    assert first.status_code == 201


@pytest.mark.parametrize("wrong", [{"required": True}, "shop.POLICY", IdempotencyPolicy, 1])
def test_what_is_no_policy(wrong: Any) -> None:
    """Whatever stands in a policy's place is refused where it is written: on a class, an action, a route."""
    with pytest.raises(TypeError, match=r"Wrong: idempotency_policy must be an IdempotencyPolicy\(\.\.\.\)"):
        type("Wrong", (IdempotencyMixin, APIView), {"idempotency_policy": wrong})
    with pytest.raises(TypeError, match="Defaults: idempotency_policy must be"):
        Defaults.as_view(idempotency_policy=wrong)
    with pytest.raises(TypeError, match="Acting: idempotency_policy must be"):

        class Acting(IdempotencyMixin, ViewSet):
            @action(detail=False, idempotency_policy=wrong)
            def act(self, request: Request) -> Response:
                return Response()


def test_a_policy_under_another_name() -> None:
    """A misspelt attribute would leave the view with the default policy, and nobody would know."""
    with pytest.raises(TypeError, match=r"Misspelt\.idempotency_polcy guards nothing"):

        class Misspelt(IdempotencyMixin, APIView):
            idempotency_polcy = REQUIRED

    class Chosen(IdempotencyMixin, APIView):
        strict = REQUIRED

        def get_idempotency_policy(self) -> IdempotencyPolicy:
            return self.strict


def test_a_choice_that_chooses_nothing(database: Database) -> None:
    """A forgotten `return` is named."""

    class Forgetful(Defaults):
        def get_idempotency_policy(self) -> IdempotencyPolicy:
            return None  # type: ignore[return-value]

    with pytest.raises(TypeError, match=r"Forgetful\.get_idempotency_policy returned None"):
        Forgetful.as_view(permission_classes=())(APIRequestFactory().get("/"))


@pytest.mark.parametrize("hook", ["before_replay", "redact_response", "validate_replay"])
def test_a_hook_that_cannot_be_called(hook: str) -> None:
    """REQ 5: an async hook would be passed over at a replay, and with it what it refuses."""

    async def never_awaited(self: Any, *arguments: Any) -> None: ...

    for wrong, match in ((never_awaited, "must not be async"), (3, "must be a function")):
        with pytest.raises(TypeError, match=f"Wrong: {hook} {match}"):
            type("Wrong", (IdempotencyMixin, APIView), {hook: wrong})


class GatewayDown(NothingHappened):
    """A project's own word for it."""


class Leased(Defaults):
    idempotency_policy = IdempotencyPolicy(mode=Mode.LEASED, stored_errors=frozenset({500}))

    def post(self, request: Request) -> Response:
        raise GatewayDown

    def put(self, request: Request) -> Response:
        raise NothingHappened

    def get_exception_handler(self) -> Any:
        return lambda error, context: Response({"all": "caught"}, status=500)


urlpatterns.append(path("leased/", Leased.as_view()))


def test_a_handler_that_says_that_nothing_happened(database: Database) -> None:
    """REQ 8, REQ 10: it is answered with 503 and frees the key: of a project's own kind, with an exception handler that
    catches all, and from a method that is not guarded."""
    for method in ("post", "post", "put"):
        answer = send(client(), "/leased/", method=method)
        assert (answer.status_code, answer.json()["code"]) == (503, "nothing_happened")
        assert answer["Retry-After"] == "1"
    assert not IdempotencyRecord.objects.exists()
