"""``manage.py idempotency audit``: no endpoint is left unguarded by mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from rest_framework.decorators import action, api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.viewsets import GenericViewSet

from django_idempotency import IdempotencyPolicy, Mode
from django_idempotency.decorators import idempotency_exempt, idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.scopes import everyone
from tests.operate.records import run
from tests.rig import Database
from tests.servers import ROOT

pytestmark = pytest.mark.urls(__name__)

STRICT = IdempotencyPolicy(required=True)
LEASED = STRICT.but(mode=Mode.LEASED)


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Posts(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


@idempotency_exempt
@api_view(["POST"])
def exempt_of_drf(request: Request) -> Response:
    return Response()


@idempotency_exempt
class ExemptPosts(Posts):
    pass


class Orders(IdempotencyMixin, GenericViewSet):
    idempotency_policy = STRICT

    def create(self, request: Request) -> Response:
        return Response()


class Inline(IdempotencyMixin, GenericViewSet):
    idempotency_policy = IdempotencyPolicy(required=True, methods=("POST",))

    def create(self, request: Request) -> Response:
        return Response()

    def partial_update(self, request: Request) -> Response:
        return Response()

    @method_decorator(idempotency_exempt)
    @action(detail=False, methods=["patch"])
    def rename(self, request: Request) -> Response:
        return Response()


router = SimpleRouter()
router.register("orders", Orders, "orders")
shop = (
    [
        path("named/", idempotent(STRICT)(plain), name="named"),
        path("again/", idempotent(STRICT)(plain), name="named"),
    ],
    "shop",
)
urlpatterns = [
    path("", include(router.urls)),
    path("shop/", include(shop)),
    path("posts/", Posts.as_view()),
    path("exempt-posts/", ExemptPosts.as_view()),
    path("exempt-of-drf/", exempt_of_drf),
    path("inline/", Inline.as_view({"post": "create", "patch": "partial_update"}), name="inline"),
    path("renamed/", Inline.as_view({"patch": "rename"}), name="renamed"),
    path("leased/", idempotent(LEASED)(plain), name="leased"),
    path("default/", idempotent(plain), name="default"),
    path("shared/", idempotent(STRICT.but(scope=everyone))(plain), name="shared"),
]


def found(*arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    listed = run("audit", "--json", *arguments).json
    return {(each["method"], each["path"]): each for each in listed}


def test_what_is_guarded_by_what(database: Database) -> None:
    """REQ 26: the name of each policy, as the project writes it, and its mode."""
    said = {place: (each["policy"], each["mode"]) for place, each in found().items() if each["protected"]}
    strict = (f"{__name__}.STRICT", "atomic")
    assert said["POST", "/^orders/$"] == strict
    assert said["POST", "/shop/named/"] == strict
    assert said["POST", "/leased/"] == (f"{__name__}.LEASED", "leased")
    assert said["POST", "/default/"] == ("django_idempotency.presets.DEFAULT", "atomic")
    assert said["POST", "/inline/"] == (f"in {__name__}.Inline", "atomic")
    assert ("PATCH", "/inline/") not in said


def test_what_is_left_unguarded(database: Database) -> None:
    """REQ 26: what is meant is exempt; the rest is a status of its own for CI, and named."""
    bare = {place: each["exempt"] for place, each in found().items() if not each["protected"]}
    assert bare[("POST", "/posts/")] is False
    assert bare[("PATCH", "/inline/")] is False
    assert bare[("POST", "/exempt-posts/")] is True
    assert bare[("PATCH", "/renamed/")] is True
    assert bare[("POST", "/exempt-of-drf/")] is True
    ended = run("audit", "--fail-on-unprotected")
    assert ended.status == 5
    assert "Unprotected: " in ended.error
    assert "POST /posts/" in ended.error
    assert "exempt-posts" not in ended.error
    assert run("audit").status == 0


def test_the_exempt_list(database: Database) -> None:
    """REQ 26: by the settings and by an option."""
    with override_settings(IDEMPOTENCY={"EXEMPT": ["/posts/"]}):
        assert run("audit", "--fail-on-unprotected", "--exempt", "/in*").status == 0
        assert run("audit", "--fail-on-unprotected").status == 5


def test_an_exempt_view_works_as_before() -> None:
    """REQ 21: the marker changes nothing but what the audit says."""
    assert idempotency_exempt(plain) is plain
    vars(plain).pop("idempotency_exempt")


@pytest.mark.parametrize(
    ("place", "odd"),
    [
        (("POST", "/default/"), "A request without a key runs unguarded."),
        (("POST", "/shop/named/"), "It shares its keys with /shop/again/, which has the same name."),
        (("POST", "/shared/"), "All callers share their keys: whoever knows one gets its answer."),
        (("POST", "/shared/"), "A function: nobody can tell whether it accepts this method."),
    ],
)
def test_what_is_odd(database: Database, place: tuple[str, str], odd: str) -> None:
    """REQ 26: what somebody should know of a guarded route."""
    assert odd in found()[place]["odd"]


@pytest.mark.database_settings(ATOMIC_REQUESTS=True)
def test_leased_inside_a_transaction(database: Database) -> None:
    """REQ 26: so is what no request would survive."""
    assert "inside a transaction" in " ".join(found()["POST", "/leased/"]["odd"])
    assert "inside a transaction" not in " ".join(found()["POST", "/shop/named/"]["odd"])


def test_nothing_odd(database: Database) -> None:
    """REQ 26: a route that is as it should be has nothing said of it."""
    assert found()["POST", "/^orders/$"]["odd"] == []


# As the demonstration's contract has them.
DEMONSTRATION = {
    "thehog.policy.POLICY": ["api/people/enrich", "api/generate", "api/deep-research"],
    "firsthand.policy.POLICY": [
        "v1/jobs",
        "v1/jobs/{id}/cancel",
        "v1/jobs/{id}/rate",
        "v1/api_keys",
        "v1/webhook_endpoints",
        "v1/billing/purchase",
    ],
    "hrizn.policy.POLICY": [
        "v1/public/ideaclouds",
        "v1/public/ideaclouds/batch",
        "v1/public/content",
        "v1/public/content/batch",
        "v1/public/content/{id}/generate",
        "v1/public/content/comparison",
        "v1/public/content/model-landing",
        "v1/public/content/sales-event",
        "v1/public/content/{id}/compliance",
        "v1/public/content/{id}/content-tools",
        "v1/public/inventory/{id}/description",
        "v1/public/inventory/descriptions/batch",
    ],
    "whet.policy.POLICY": [
        "pipelines/from-intent",
        "posts/{id}/draft",
        "artifacts/{id}/publish",
        "accounts/connect",
    ],
    "whet.policy.FETCH_POLICY": ["fetch"],
    "surveycoder.policy.POLICY": ["v1/code", "v1/projects", "v1/questions", "v1/webhooks"],
    "payments.policy.POLICY": ["v1/charges"],
    "payments.policy.TRANSFERS": ["v1/transfers"],
}


def test_the_demonstration() -> None:
    """REQ 26: all POST routes of the demonstration are guarded, each by its system's policy, and the rest is meant."""
    command = [sys.executable, "manage.py", "idempotency", "audit", "--fail-on-unprotected", "--json"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "testproject.settings"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    guarded = {
        (re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", "{id}", each["path"]).replace("^", "").replace("$", "")): each[
            "policy"
        ]
        for each in json.loads(done.stdout)
        if each["method"] == "POST" and each["protected"]
    }
    assert guarded == {
        f"/{policy.partition('.')[0]}/{place}": f"testproject.{policy}"
        for policy, places in DEMONSTRATION.items()
        for place in places
    }
