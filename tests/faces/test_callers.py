"""REQ 4, 5: nobody reads another's answer, and no answer passes by what stands before the view."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.urls import path
from rest_framework.authtoken.models import Token
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle

from django_idempotency import IETF, IdempotencyPolicy
from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]

SECRET = {"label": "the secret of ann"}
EVERY_ERROR = IETF.but(required=False, syntax=IdempotencyPolicy().syntax)


class MayAdd(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        return bool(request.user.has_perm("app.add_effect"))


class ThreeAnHour(UserRateThrottle):
    rate = "3/hour"


class Pay(IdempotencyMixin, TokenView):
    idempotency_policy = EVERY_ERROR

    def post(self, request: Request, pk: int = 0) -> Response:
        return record(request)

    patch = post


class Permitted(Pay):
    permission_classes = (IsAuthenticated, MayAdd)


class Throttled(Pay):
    throttle_classes = (ThreeAnHour,)


class Anybody(Pay):
    permission_classes = ()


urlpatterns = [
    path("pay/", Pay.as_view(), name="pay"),
    path("pay/<int:pk>/", Pay.as_view(), name="pay-one"),
    path("refund/", Pay.as_view(), name="refund"),
    path("permitted/", Permitted.as_view(), name="permitted"),
    path("throttled/", Throttled.as_view(), name="throttled"),
    path("anybody/", Anybody.as_view(), name="anybody"),
]


@pytest.fixture(autouse=True)
def _fresh_throttles() -> None:
    cache.clear()


@pytest.mark.parametrize(
    "attempt",
    [
        {},
        {"method": "patch"},
        {"headers": {"Host": "127.0.0.1"}},
        {"headers": {"X-Forwarded-Host": "testserver", "X-Forwarded-User": "ann"}},
        {"url": "/pay/?"},
        {"url": "//pay/"},
        {"url": "/pay/1/"},
        {"url": "/refund/"},
        {"key": '"k"'},
        {"key": " k"},
    ],
    ids=str,
)
def test_another_user_never_gets_the_answer(database: Database, attempt: dict[str, Any]) -> None:
    """REQ 4: whatever the other user tries under the same key, the answer of the first one is not theirs."""
    assert send(client("ann"), "/pay/", SECRET).status_code == 201
    options = {"url": "/pay/", "data": {"label": "mine"}, **attempt}
    url, data = options.pop("url"), options.pop("data")
    answer = send(client("bob"), url, data, **options)
    assert "ann" not in answer.content.decode()
    assert REPLAYED not in answer.headers
    # Nor does it say that the key is taken: an answer that did would tell of ann's requests.
    assert answer.status_code in (201, 404)


def test_the_same_body_is_no_proof(database: Database) -> None:
    """REQ 4: to know another's whole request does not fetch its answer: it is one's own, made anew."""
    ann, bob = (send(client(name), "/pay/", SECRET) for name in ("ann", "bob"))
    assert ann.json()["id"] != bob.json()["id"]
    assert effects() == 2


@pytest.mark.parametrize(
    ("url", "key", "method", "status"),
    [("/refund/", "k", "post", 201), ("/pay/", "K", "post", 201), ("/pay/", "k", "patch", 201)],
)
def test_other_endpoints_and_keys_of_the_same_user(
    database: Database, url: str, key: str, method: str, status: int
) -> None:
    """REQ 6: another route, another method and a key in other letters are other requests."""
    caller = client()
    first = send(caller, "/pay/", SECRET)
    other = send(caller, url, SECRET, key=key, method=method)
    assert (other.status_code, REPLAYED in other.headers) == (status, False)
    assert other.json()["id"] != first.json()["id"]


def revoke_token(caller: APIClient) -> None:
    Token.objects.filter(user=user("ann")).delete()


def deactivate(caller: APIClient) -> None:
    User.objects.filter(username="ann").update(is_active=False)


def delete_user(caller: APIClient) -> None:
    User.objects.get(username="ann").delete()


def sign_out(caller: APIClient) -> None:
    caller.credentials()


def forge(caller: APIClient) -> None:
    caller.credentials(HTTP_AUTHORIZATION="Token 0000")


@pytest.mark.parametrize("end", [revoke_token, deactivate, delete_user, sign_out, forge])
def test_whoever_may_not_come_in_gets_no_replay(database: Database, end: Any) -> None:
    """REQ 5: revoked, deactivated, deleted, signed out, forged: 401, not the stored body."""
    caller = client("ann")
    assert send(caller, "/pay/", SECRET).status_code == 201
    end(caller)
    for _ in range(2):
        answer = send(caller, "/pay/", SECRET)
        assert answer.status_code == 401
        assert REPLAYED not in answer.headers
        assert "secret" not in answer.content.decode()


def test_a_rotated_token_is_the_same_caller(database: Database) -> None:
    """REQ 4: a new token of the same user still gets the replay."""
    first = send(client("ann"), "/pay/", SECRET)
    Token.objects.filter(user=user("ann")).delete()
    assert same(first, send(client("ann"), "/pay/", SECRET))
    assert effects() == 1


def test_a_401_is_not_stored(database: Database) -> None:
    """REQ 10: first refused, then signed in, under one key: it runs."""
    nobody = APIClient()
    assert [send(nobody, "/pay/").status_code for _ in range(2)] == [401, 401]
    assert send(client("ann"), "/pay/").status_code == 201
    assert effects() == 1


def test_permissions_stand_before_a_replay(database: Database) -> None:
    """REQ 5, 10: a 403 is not stored; a permission that is taken away takes the replay away, and gives it back."""
    may_add = Permission.objects.get(codename="add_effect")
    caller = client("ann")
    assert send(caller, "/permitted/").status_code == 403
    user("ann").user_permissions.add(may_add)
    first = send(caller, "/permitted/")
    assert first.status_code == 201
    user("ann").user_permissions.remove(may_add)
    refused = send(caller, "/permitted/")
    assert (refused.status_code, REPLAYED in refused.headers) == (403, False)
    user("ann").user_permissions.add(may_add)
    assert same(first, send(caller, "/permitted/"))
    assert effects() == 1


def test_replays_count_against_throttles(database: Database) -> None:
    """REQ 5, 10: a replay is a request like any other; the 429 is not stored, and not replayed later."""
    caller = client("ann")
    statuses = [send(caller, "/throttled/").status_code for _ in range(5)]
    assert statuses == [201, 201, 201, 429, 429]
    assert send(caller, "/throttled/", key="other").status_code == 429
    cache.clear()
    assert REPLAYED not in send(caller, "/throttled/", key="other").headers
    assert REPLAYED in send(caller, "/throttled/").headers
    assert effects() == 2


def test_nobody_has_no_keys(database: Database) -> None:
    """REQ 4: without a caller a key is refused, never put into a bucket that all share; without a key it runs."""
    nobody = APIClient()
    answer = send(nobody, "/anybody/")
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_scope_required")
    assert effects() == 0
    assert send(nobody, "/anybody/", key=None).status_code == 201
