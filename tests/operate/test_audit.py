"""`manage.py idempotency audit`: which routes are guarded by what, and what is odd about them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test import Client
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from rest_framework.decorators import action, api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from django_idempotency import Derived, IdempotencyPolicy, Mismatch, Mode, Unknown
from django_idempotency.decorators import idempotency_exempt, idempotent
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.scopes import everyone
from tests.app.models import Effect
from tests.operate.records import Ended, run
from tests.rig import Database
from tests.servers import ROOT

STRICT = IdempotencyPolicy(required=True)
POSTS = STRICT.but(methods=("POST",))
LEASED = STRICT.but(mode=Mode.LEASED)
HERE = __name__


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def other(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


class Posts(APIView):
    def post(self, request: Request) -> Response:
        return Response()

    def patch(self, request: Request) -> Response:
        return Response()


class Guarded(IdempotencyMixin, Posts):
    idempotency_policy = STRICT


@pytest.fixture
def audit(settings: Any) -> Any:
    """The audit of a project with these routes, by method and path; or as it ended."""

    def audit(*patterns: Any, ended: bool = False, arguments: tuple[str, ...] = ()) -> Any:
        urls: Any = ModuleType("audited_urls")
        urls.urlpatterns = list(patterns)
        settings.ROOT_URLCONF = urls
        if ended:
            return run("audit", "--fail-on-unprotected", *arguments)
        told = run("audit", "--json", *arguments).json
        return {f"{each['method']} {each['path']}": each for each in told}

    return audit


def odd(each: dict[str, Any]) -> set[str]:
    return set(each["odd"])


class TestProtection:
    """Whether a route is protected, and by what."""

    def test_statuses(self, audit: Any) -> None:
        """REQ 21: each route that accepts POST or PATCH is told of, once for each method, and nothing else is."""
        told = audit(
            path("guarded/<int:pk>/", Guarded.as_view(), name="guarded"),
            path("bare/", Posts.as_view()),
            path("posts/", Guarded.as_view(idempotency_policy=POSTS)),
            path("function/", idempotent(POSTS)(plain)),
            path("puts/", idempotent(POSTS.but(methods=("PUT",)))(plain)),
            path("reads/", require_GET(plain)),
            path("patches/", require_http_methods(["PATCH", "PUT"])(plain)),
            path("needs-post/", require_POST(plain)),
        )
        assert {name: each["status"] for name, each in told.items()} == {
            "POST /guarded/<int:pk>/": "protected",
            "PATCH /guarded/<int:pk>/": "protected",
            "POST /bare/": "unprotected",
            "PATCH /bare/": "unprotected",
            "POST /posts/": "protected",
            "PATCH /posts/": "unprotected",
            "POST /function/": "protected",
            "POST /puts/": "unprotected",
            "PATCH /patches/": "unprotected",
            "POST /needs-post/": "unprotected",
        }
        first = told["POST /guarded/<int:pk>/"]
        assert (first["name"], first["view"], first["endpoint"], first["mode"]) == (
            "guarded",
            f"{HERE}.Guarded",
            "POST guarded",
            "atomic",
        )

    def test_policies_have_the_names_of_the_project(self, audit: Any, settings: Any) -> None:
        """A policy is named where it is written, not where it is imported; a nameless one by what it changes."""
        settings.IDEMPOTENCY = {"POLICY": "django_idempotency.IETF"}
        told = audit(
            path("a/", idempotent(STRICT)(plain)),
            path("b/", idempotent(POSTS.but(retry_after=7))(plain)),
            path("c/", idempotent(plain)),
        )
        assert told["POST /a/"]["policy"] == f"{HERE}.STRICT"
        assert told["POST /b/"]["policy"] == (
            "IdempotencyPolicy(required=True, methods=('POST',), retry_after=7)"
        )
        assert told["POST /c/"]["policy"] == "django_idempotency.presets.IETF"
        assert [each["policy_of_settings"] for each in told.values()].count(True) == 2  # POST and PATCH of c/

    def test_it_opens_no_database(self, audit: Any) -> None:
        """It runs where there is no database, as in a job of CI: pytest-django would not let it open one."""
        assert audit(path("x/", idempotent(LEASED)(plain)), ended=True).status == 0


class TestExempt:
    """What needs no guard, and says so."""

    def test_every_way_to_mark(self, audit: Any) -> None:
        """`@idempotency_exempt` works on whatever a view is made of."""

        @idempotency_exempt
        class Whole(Posts):
            pass

        class Inherited(Whole):
            pass

        class Method(Posts):
            @idempotency_exempt
            def post(self, request: Request) -> Response:
                return Response()

        @method_decorator(idempotency_exempt, name="post")
        class Named(Posts):
            pass

        @method_decorator(idempotency_exempt, name="dispatch")
        class Dispatched(View):
            def post(self, request: HttpRequest) -> HttpResponse:
                return HttpResponse()

        class Things(GenericViewSet):
            def create(self, request: Request) -> Response:
                return Response()

            @action(detail=False, methods=["post"])
            @idempotency_exempt
            def search(self, request: Request) -> Response:
                return Response()

            @idempotency_exempt
            @action(detail=False, methods=["post"])
            def count(self, request: Request) -> Response:
                return Response()

        router = SimpleRouter()
        router.register("things", Things, basename="thing")

        @idempotency_exempt
        async def asynchronous(request: HttpRequest) -> HttpResponse:
            return HttpResponse()

        def fresh(request: Any) -> Response:
            return Response()

        told = audit(
            path("function/", require_POST(idempotency_exempt(lambda request: HttpResponse()))),
            path("async/", asynchronous),
            path("outside/", idempotency_exempt(api_view(["POST"])(fresh))),
            path("inside/", api_view(["POST"])(idempotency_exempt(fresh))),
            path("whole/", Whole.as_view()),
            path("inherited/", Inherited.as_view()),
            path("method/", Method.as_view()),
            path("named/", Named.as_view()),
            path("dispatched/", Dispatched.as_view()),
            path("as-view/", idempotency_exempt(Posts.as_view())),
            path("bare/", Posts.as_view()),
            *router.urls,
        )
        unprotected = {name for name, each in told.items() if each["status"] == "unprotected"}
        assert unprotected == {
            "PATCH /method/",
            "PATCH /named/",
            "POST /bare/",
            "PATCH /bare/",
            "POST /things/",
        }
        assert {each["exempt_by"] for each in told.values()} == {None, "@idempotency_exempt"}

    def test_by_pattern(self, audit: Any, settings: Any) -> None:
        """A path, a route's name, all of a namespace (also what has no name there), or a view's dotted name."""
        settings.IDEMPOTENCY = {"EXEMPT": ["/hooks/*", "django.contrib.*"]}
        shop = ([path("a/", Posts.as_view(), name="a"), path("b/", Posts.as_view())], "shop")
        patterns = (
            path("hooks/mail/", Posts.as_view()),
            path("login/", LoginView.as_view()),
            path("shop/", include(shop)),
            path("a/", require_POST(plain), name="a"),
        )

        def left(*exempt: str) -> set[str]:
            told = audit(*patterns, arguments=tuple(f"--exempt={pattern}" for pattern in exempt))
            return {name for name, each in told.items() if each["status"] == "unprotected"}

        shops = {f"{method} /shop/{name}/" for method in ("POST", "PATCH") for name in "ab"}
        assert left() == shops | {"POST /a/"}
        assert left("shop:*") == {"POST /a/"}
        assert left("a") == shops
        assert left("shop:a", f"{HERE}.plain") == {"POST /shop/b/", "PATCH /shop/b/"}
        assert left("*") == set()

    def test_a_pattern_that_exempts_nothing_is_told(self, audit: Any) -> None:
        """A misspelt pattern, or one that is not needed any more, does not go unnoticed."""
        patterns = (path("a/", require_POST(plain)), path("b/", idempotent(STRICT)(plain)))
        ended = audit(*patterns, ended=True, arguments=("--exempt=/a/", "--exempt=/b/", "--exempt=/c/"))
        assert ended.status == 0
        assert ("'/a/'" in ended.error, "'/b/'" in ended.error, "'/c/'" in ended.error) == (False, True, True)

    def test_nothing_changes_at_run_time(self, database: Database, audit: Any) -> None:
        """The mark is for the audit alone: a view that is guarded as well stays guarded, and the audit says so."""

        @idempotency_exempt
        @idempotent(STRICT.but(scope=everyone))
        def pay(request: HttpRequest) -> HttpResponse:
            return JsonResponse({"id": Effect.objects.create(label="paid").pk}, status=201)

        told = audit(path("pay/", pay))
        answers = [Client().post("/pay/", headers={"Idempotency-Key": "k"}).content for _ in range(2)]
        assert answers[0] == answers[1]
        assert Effect.objects.count() == 1
        assert told["POST /pay/"]["status"] == "protected"
        assert "exempt_but_guarded" in odd(told["POST /pay/"])


class TestOddities:
    """What bites who has not thought of it."""

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            (STRICT, set()),
            (IdempotencyPolicy(), {"key_optional"}),
            (IdempotencyPolicy(keys=(Derived(str),)), set()),
            (STRICT.but(scope=everyone), {"scope_everyone"}),
            (STRICT.but(scope="django_idempotency.scopes.everyone"), {"scope_everyone"}),
            (STRICT.but(in_flight_wait=5), {"waits"}),
            (STRICT.but(lifetime=None), {"for_ever"}),
            (LEASED, set()),
            (LEASED.but(on_unknown=Unknown.RETRY), {"at_least_once"}),
            (STRICT.but(on_mismatch=Mismatch.REPLAY), set()),
        ],
    )
    def test_of_policies(self, audit: Any, policy: IdempotencyPolicy, expected: set[str]) -> None:
        """What a policy leaves open is told, by a stable code and a sentence."""
        each = audit(path("x/", require_POST(idempotent(policy)(plain)), name="x"))["POST /x/"]
        assert odd(each) == expected
        assert all(text.endswith(".") for text in each["odd"].values())

    def test_a_scope_of_the_settings(self, audit: Any, settings: Any) -> None:
        """The scope that counts is the one in force."""
        settings.IDEMPOTENCY = {"SCOPE": everyone}
        told = audit(path("x/", idempotent(STRICT)(plain), name="x"))
        assert odd(told["POST /x/"]) == {"scope_everyone"}

    def test_names_of_endpoints(self, audit: Any) -> None:
        """Two operations under one name, and a name that changes with the URL, are told; one with two paths is not."""
        shared = STRICT.but(endpoint="orders", methods=("POST",))
        twice = idempotent(STRICT)(plain)
        told = audit(
            path("a/", idempotent(shared)(plain)),
            path("b/", idempotent(shared)(other)),
            path("c/", idempotent(shared.but(endpoint_in_key=False))(plain)),
            path("d/", twice, name="d"),
            path("e/", twice, name="d"),
            path("f/", idempotent(STRICT)(other)),
        )
        assert odd(told["POST /a/"]) == odd(told["POST /b/"]) == {"shared_endpoint"}
        assert "POST /b/" in told["POST /a/"]["odd"]["shared_endpoint"]
        assert odd(told["POST /c/"]) == odd(told["POST /d/"]) == odd(told["POST /e/"]) == set()
        assert odd(told["POST /f/"]) == {"unnamed_route"}

    def test_of_views(self, audit: Any) -> None:
        """What the audit cannot know about a view, it says."""

        class Choosing(Guarded):
            def get_idempotency_policy(self) -> IdempotencyPolicy:
                return POSTS

        told = audit(
            path("a/", Choosing.as_view(), name="a"),
            path("b/", plain, name="b"),
            path("c/", Guarded.as_view(idempotency_policy=POSTS), name="c"),
        )
        assert odd(told["POST /a/"]) == {"policy_by_request"}
        assert odd(told["POST /b/"]) == {"methods_unknown"}
        assert odd(told["PATCH /c/"]) == {"method_not_guarded"}

    @pytest.mark.databases("sqlite")
    @pytest.mark.database_settings(ATOMIC_REQUESTS=True)
    def test_what_the_checks_find(self, database: Database, audit: Any) -> None:
        """What a check finds wrong about a route is told with the route, by the check's id."""
        told = audit(path("x/", idempotent(LEASED)(plain), name="x"))
        assert odd(told["POST /x/"]) == {"django_idempotency.E003"}


class TestCommand:
    """What a person, and a job of CI, sees."""

    def test_unprotected(self, audit: Any) -> None:
        """`--fail-on-unprotected` ends with a status of its own, and names what is not protected."""
        ended: Ended = audit(
            path("a/", require_POST(plain)), path("b/", idempotent(STRICT)(plain), name="b"), ended=True
        )
        assert ended.status == 5
        assert "1 route without a guard:\n  POST /a/\n" in ended.error
        assert run("audit").status == 0

    def test_text(self, audit: Any) -> None:
        """A person sees each route with its policy, and what is exempt in few lines."""

        def form(request: HttpRequest) -> HttpResponse:
            return HttpResponse()

        ended: Ended = audit(
            *(path(f"{number}/", require_POST(idempotency_exempt(form))) for number in range(30)),
            path("b/", require_POST(idempotent(IdempotencyPolicy())(other)), name="b"),
            ended=True,
        )
        assert ended.out.splitlines() == [
            "protected   POST  /b/",
            f"            {HERE}.other (IdempotencyPolicy(), atomic)",
            "            - A request without a key runs unguarded, and so does its retry.",
            "exempt      30 routes by @idempotency_exempt",
            "31 routes: 1 protected, 30 exempt, 0 unprotected.",
        ]

    def test_switched_off(self, audit: Any, settings: Any) -> None:
        """While the guard is off, the audit does not look as if all were well."""
        settings.IDEMPOTENCY = {"ENABLED": False}
        assert "is off" in audit(path("b/", idempotent(STRICT)(plain)), ended=True).error


# What the demonstration's contract lists, in its order, and the policy of each.
DEMONSTRATION = {
    "/thehog/api/people/enrich": "thehog.policy.POLICY",
    "/thehog/api/generate": "thehog.policy.POLICY",
    "/thehog/api/deep-research": "thehog.policy.POLICY",
    "/firsthand/v1/jobs": "firsthand.policy.POLICY",
    "/firsthand/v1/jobs/{}/cancel": "firsthand.policy.POLICY",
    "/firsthand/v1/jobs/{}/rate": "firsthand.policy.POLICY",
    "/firsthand/v1/api_keys": "firsthand.policy.POLICY",
    "/firsthand/v1/webhook_endpoints": "firsthand.policy.POLICY",
    "/firsthand/v1/billing/purchase": "firsthand.policy.POLICY",
    "/hrizn/v1/public/ideaclouds": "hrizn.policy.POLICY",
    "/hrizn/v1/public/ideaclouds/batch": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/batch": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/{}/generate": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/comparison": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/model-landing": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/sales-event": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/{}/compliance": "hrizn.policy.POLICY",
    "/hrizn/v1/public/content/{}/content-tools": "hrizn.policy.POLICY",
    "/hrizn/v1/public/inventory/{}/description": "hrizn.policy.POLICY",
    "/hrizn/v1/public/inventory/descriptions/batch": "hrizn.policy.POLICY",
    "/whet/pipelines/from-intent": "whet.policy.POLICY",
    "/whet/posts/{}/draft": "whet.policy.POLICY",
    "/whet/artifacts/{}/publish": "whet.policy.POLICY",
    "/whet/accounts/connect": "whet.policy.POLICY",
    "/whet/fetch": "whet.policy.FETCH_POLICY",
    "/surveycoder/v1/code": "surveycoder.policy.POLICY",
    "/surveycoder/v1/projects": "surveycoder.policy.POLICY",
    "/surveycoder/v1/questions": "surveycoder.policy.POLICY",
    "/surveycoder/v1/webhooks": "surveycoder.policy.POLICY",
    "/payments/v1/charges": "payments.policy.POLICY",
    "/payments/v1/transfers": "payments.policy.TRANSFERS",
}


def test_the_demonstration() -> None:
    """Every POST route of the demonstration is protected, by the policy of its system; all others are exempt."""
    done = subprocess.run(
        [sys.executable, "manage.py", "idempotency", "audit", "--fail-on-unprotected", "--json"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "testproject.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    protected = {
        re.sub(r"<[^>]*>", "{}", each["path"]): each["policy"].removeprefix("testproject.")
        for each in told
        if each["status"] == "protected"
    }
    assert protected == DEMONSTRATION
    [patch] = [each for each in told if each["policy"] and each["status"] == "exempt"]
    assert (patch["method"], patch["path"]) == ("PATCH", "/firsthand/v1/jobs/<pk>")
    assert done.stderr == ""
