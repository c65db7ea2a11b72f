"""REQ 4: the scope functions, as a policy names them."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.urls import path
from rest_framework.authentication import BaseAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from django_idempotency import Derived, IdempotencyPolicy, PolicyError, scopes
from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, same, send, user
from tests.rig import Database

pytestmark = [pytest.mark.urls(__name__), pytest.mark.databases("sqlite")]


def organization(request: Any) -> str | None:
    group = request.user.groups.first()
    return None if group is None else f"organization:{group.pk}"


class HeaderToken(BaseAuthentication):
    """A key of an API without users: the text itself is what authenticates."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token = request.headers.get("X-Api-Key")
        return None if token is None else (AnonymousUser(), token)


class Pay(IdempotencyMixin, TokenView):
    def post(self, request: Request) -> Response:
        return record(request)


class ByApiKey(Pay):
    authentication_classes = (HeaderToken,)
    permission_classes = ()


def view(scope: Any, view: Any = Pay) -> Any:
    return view.as_view(idempotency_policy=IdempotencyPolicy(scope=scope))


urlpatterns = [
    path("user/", view(scopes.caller), name="user"),
    path("organization/", view(organization), name="organization"),
    path("organization-path/", view(f"{__name__}.organization"), name="organization-path"),
    path("attribute/", view(scopes.attribute("user.last_name")), name="attribute"),
    path("everyone/", view(scopes.everyone), name="everyone"),
    path("nobody/", view(lambda request: None), name="nobody"),
    path("cut/", view(lambda request: request.META["SCOPE"]), name="cut"),
    path("api-key/", view(scopes.caller, ByApiKey), name="api-key"),
    path("nothing/", view(lambda request: ""), name="nothing"),
    path("too-long/", view(lambda request: "x" * 256), name="too-long"),
]


@pytest.mark.parametrize("url", ["/organization/", "/organization-path/"])
def test_an_organization_shares_its_keys(database: Database, url: str) -> None:
    """REQ 4: colleagues share a key where the scope is the organization; strangers and the unorganized do not."""
    acme, other = (Group.objects.create(name=name) for name in ("acme", "other"))
    for name, group in (("ann", acme), ("bob", acme), ("eve", other)):
        user(name).groups.add(group)
    first = send(client("ann"), url)
    assert same(first, send(client("bob"), url))
    assert REPLAYED not in send(client("eve"), url).headers
    assert send(client("sue"), url).status_code == 400
    assert effects() == 2


def test_colleagues_do_not_share_the_keys_of_users(database: Database) -> None:
    """REQ 4: under the scope of the user, a colleague is another caller."""
    acme = Group.objects.create(name="acme")
    for name in ("ann", "bob"):
        user(name).groups.add(acme)
    ann, bob = (send(client(name), "/user/") for name in ("ann", "bob"))
    assert REPLAYED not in bob.headers
    assert ann.json()["id"] != bob.json()["id"]


def test_one_attribute_names_the_caller(database: Database) -> None:
    """REQ 4: `scopes.attribute`: those with an equal attribute share, those with another do not."""
    for name, last_name in (("ann", "smith"), ("bob", "smith"), ("eve", "jones")):
        User.objects.create(username=name, last_name=last_name)
    first = send(client("ann"), "/attribute/")
    assert same(first, send(client("bob"), "/attribute/"))
    assert REPLAYED not in send(client("eve"), "/attribute/").headers


def test_a_blank_attribute_names_nobody(database: Database) -> None:
    """REQ 4: those of whom nothing is known are nobody; they must not share one bucket."""
    assert user("ann").last_name == user("bob").last_name == ""
    for name in ("ann", "bob"):
        assert send(client(name), "/attribute/").status_code == 400
    assert effects() == 0


@pytest.mark.parametrize(
    ("path", "of", "expected"),
    [
        ("user.pk", SimpleNamespace(pk=7), "user.pk:7"),
        ("user.pk", SimpleNamespace(pk=0), "user.pk:0"),
        ("user.organization", SimpleNamespace(organization=Group(pk=7)), "user.organization:7"),
        ("user.organization.pk", SimpleNamespace(organization=None), None),
        ("user.organization", SimpleNamespace(), None),
        ("user.organization", SimpleNamespace(organization=Group()), None),
        ("user", AnonymousUser(), None),
        ("user.pk", AnonymousUser(), None),
        ("user.username", AnonymousUser(), None),
        ("user.groups_of.first", None, None),
    ],
)
def test_attributes(path: str, of: Any, expected: str | None) -> None:
    """REQ 4: a value names the caller; none, a blank one, an unsaved object, a missing step: nobody."""
    assert scopes.attribute(path)(SimpleNamespace(user=of)) == expected


def test_everyone_is_one_caller(database: Database) -> None:
    """REQ 4: only where a policy says so, all callers share."""
    first = send(client("ann"), "/everyone/")
    assert same(first, send(client("bob"), "/everyone/"))
    assert effects() == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a|b", "c"), ("a", "b|c")),
        (("a", "bc"), ("ab", "c")),
        (("1:a", "b"), ("1", ":ab")),
        (("a", "POST cutb"), ("aPOST cut", "b")),
        (("a", "1:k"), ("a1:", "k")),
        (("A", "k"), ("a", "k")),
        (("a", "k"), ("a ", "k")),
        (("\u00e9", "k"), ("e", "k")),
    ],
)
@pytest.mark.databases("sqlite", "postgresql", "mariadb")
def test_scope_and_key_never_run_together(
    database: Database, one: tuple[str, str], other: tuple[str, str]
) -> None:
    """REQ 4: however scope and key are cut, cased or padded, two callers stay two."""
    caller = client()
    answers = [
        caller.post("/cut/", {"label": "x"}, headers={"Idempotency-Key": key}, SCOPE=scope)
        for scope, key in (one, other)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert effects() == 2


def test_an_api_key_is_a_caller(database: Database) -> None:
    """REQ 4, 23: a token without a user is the caller, and is not kept in clear."""
    caller = APIClient()
    first, retry, other = (
        send(caller, "/api-key/", headers={"X-Api-Key": token}) for token in ("sesame", "sesame", "other")
    )
    assert same(first, retry)
    assert REPLAYED not in other.headers
    assert send(caller, "/api-key/").status_code == 400
    with database.connect().cursor() as cursor:
        cursor.execute("SELECT * FROM idempotency_record")
        assert "sesame" not in str(cursor.fetchall())


def test_a_user_and_a_token_of_the_same_number_are_two(database: Database) -> None:
    """REQ 4: caller 1 of one kind is not caller 1 of another."""
    token = Token(key="1", user=user("ann"))
    of_token = scopes.caller(SimpleNamespace(user=AnonymousUser(), auth=token))
    of_user = scopes.caller(SimpleNamespace(user=User(pk=1), auth=None))
    of_group = scopes.caller(SimpleNamespace(user=None, auth=Group(pk=1)))
    of_text = scopes.caller(SimpleNamespace(user=None, auth="1"))
    assert len({of_token, of_user, of_group, of_text}) == 4
    assert None not in {of_token, of_user, of_group, of_text}


@pytest.mark.parametrize("url", ["/nothing/", "/too-long/", "/nobody/"])
def test_a_scope_that_cannot_be_is_refused(database: Database, url: str) -> None:
    """REQ 4: no name, or one that cannot be stored, is a refusal in the policy's format."""
    answer = send(client(), url)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_scope_required")
    assert effects() == 0


@pytest.mark.parametrize(
    "path", ["user.groups", "user.groups.all", "user.get_full_name", "user.is_active", "user.date_joined"]
)
def test_what_names_no_caller(database: Database, path: str) -> None:
    """REQ 4: a relation or a method has a text too, the same for all callers; it is no scope."""
    request = SimpleNamespace(user=user("ann"))
    with pytest.raises(TypeError, match=re.escape(f"attribute({path!r}) has found a ")):
        scopes.attribute(path)(request)


def test_a_scope_is_not_async() -> None:
    """REQ 4: nobody awaits it, so it is refused where the policy is written."""

    async def asked(request: Any) -> str:
        return "x"

    scope: Any = asked
    for field in ("scope", "renderer"):
        with pytest.raises(PolicyError, match=f"{field} must not be async"):
            IdempotencyPolicy(**{field: scope})
    with pytest.raises(PolicyError, match="must not be async"):
        IdempotencyPolicy(keys=(Derived(scope),))


def test_an_authenticated_caller_that_the_scope_does_not_find(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """REQ 4: a misspelt attribute, or a user without an organization, can be told from the log."""
    assert send(client(), "/attribute/").status_code == 400
    assert "The scope attribute('user.last_name') finds nobody" in caplog.text
