"""What other libraries got wrong about who asks: each test is named for the bug that it keeps out."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.urls import include, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle
from rest_framework.viewsets import ViewSet

from django_idempotency import STRIPE, IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

ONE_SCOPE = IdempotencyPolicy(scope=lambda request: "one")


class OneAnHour(UserRateThrottle):
    rate = "1/hour"


class Pay(IdempotencyMixin, TokenView):
    authentication_classes = (*TokenView.authentication_classes, SessionAuthentication)
    # It stores all errors that can be stored: these tests show which cannot.
    idempotency_policy = STRIPE

    def post(self, request: Request, **kwargs: Any) -> Response:
        refusals = {"401": AuthenticationFailed, "403": PermissionDenied, "429": Throttled}
        response = record(request)
        if refusing and (refusal := refusals.get(request.query_params.get("refuse", ""))):
            raise refusal
        return response


class ThrottledPay(Pay):
    throttle_classes = (OneAnHour,)


class Things(IdempotencyMixin, TokenView, ViewSet):
    def create(self, request: Request) -> Response:
        return record(request)


refusing = [True]
router = SimpleRouter()
router.register("things", Things, basename="things")
urlpatterns = [
    path("a/b/", Pay.as_view(idempotency_policy=ONE_SCOPE), name="b/a"),
    path("b/", Pay.as_view(idempotency_policy=ONE_SCOPE), name="b"),
    path("pay/", Pay.as_view(), name="pay"),
    path("throttled/", ThrottledPay.as_view(), name="throttled"),
    path("", include(router.urls)),
]


@pytest.fixture(autouse=True)
def _start_anew() -> Any:
    cache.clear()
    refusing[:] = [True]


def session(name: str) -> APIClient:
    made = APIClient()
    made.force_login(user(name))
    return made


def test_sessions_did_not_tell_users_apart(database: Database) -> None:
    """REQ 4: the key was bound to the Authorization header alone, and with cookies everybody was one caller."""
    ann = send(session("ann"), "/pay/")
    bob = send(session("bob"), "/pay/")
    assert ann.json()["id"] != bob.json()["id"]
    assert same(ann, send(session("ann"), "/pay/"))
    assert send(APIClient(), "/pay/").status_code == 401
    assert effects() == 2


def test_the_key_alone_was_the_record(database: Database) -> None:
    """REQ 4: without a scope, user 2 and anonymous got the response of user 1."""
    ann, bob = (send(client(name), "/pay/") for name in ("ann", "bob"))
    assert REPLAYED not in bob.headers
    assert ann.content != bob.content


def test_a_rotated_token_was_another_caller(database: Database) -> None:
    """REQ 4: a new token of the same user ran the payment again."""
    first = send(client("ann"), "/pay/")
    Token.objects.get(user=user("ann")).delete()
    assert same(first, send(client("ann"), "/pay/"))
    assert effects() == 1


def test_key_and_path_ran_together(database: Database) -> None:
    """REQ 4: without a delimiter, key `K` at the endpoint `b/a` was key `/aK` at the endpoint `b`."""
    caller = client()
    first, other = send(caller, "/a/b/", key="K"), send(caller, "/b/", key="/aK")
    assert REPLAYED not in other.headers
    assert first.json()["id"] != other.json()["id"]


def test_the_replay_came_before_authentication(database: Database) -> None:
    """REQ 5: a middleware replayed to whoever knew the key, signed in or not."""
    assert send(client("ann"), "/pay/").status_code == 201
    forger = APIClient()
    forger.credentials(HTTP_AUTHORIZATION="Token wrong")
    for stranger in (APIClient(), forger):
        answer = send(stranger, "/pay/")
        assert (answer.status_code, REPLAYED in answer.headers) == (401, False)


def test_the_replay_came_before_throttles(database: Database) -> None:
    """REQ 5: replays passed by the throttle; they count, and the one too many is refused."""
    caller = client()
    assert [send(caller, "/throttled/").status_code for _ in range(3)] == [201, 429, 429]


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refusal_of_the_moment_was_stored(database: Database, status: int) -> None:
    """REQ 10: a 401, 403 or 429 was stored for a day; once the reason is gone, the same key runs."""
    caller = client()
    url = f"/pay/?refuse={status}"
    assert [send(caller, url).status_code for _ in range(2)] == [status, status]
    assert effects() == 0
    refusing.clear()
    first = send(caller, url)
    assert first.status_code == 201
    assert same(first, send(caller, url))


def test_users_could_not_be_deleted(database: Database) -> None:
    """Records of a user kept it from being deleted; here it goes, and its answers are nobody's."""
    caller = client("ann")
    first = send(caller, "/pay/")
    number = user("ann").pk
    user("ann").delete()
    assert not get_user_model().objects.filter(pk=number).exists()
    assert send(caller, "/pay/").status_code == 401
    assert REPLAYED not in send(client("bob"), "/pay/").headers
    assert send(client("ann"), "/pay/").json()["id"] != first.json()["id"]  # a new user of the old name


@pytest.mark.parametrize("method", ["options", "put", "patch", "delete", "head"])
def test_a_method_that_is_not_there_crashed(database: Database, method: str) -> None:
    """REQ 21: OPTIONS, and methods that a ViewSet does not map, were a KeyError; they are 200 and 405."""
    caller = client()
    answer = getattr(caller, method)("/things/", headers={"Idempotency-Key": "k"})
    assert answer.status_code == (200 if method == "options" else 405)
    assert send(caller, "/things/").status_code == 201
