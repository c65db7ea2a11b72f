"""What a schema tells of a policy."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.urls import path
from drf_spectacular import drainage, extensions, generators, openapi, plumbing
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import (
    BodyField,
    Derived,
    Header,
    IdempotencyPolicy,
    KeySyntax,
    Mismatch,
    Mode,
    Problem,
)
from django_idempotency.choices import Fingerprint
from django_idempotency.contrib.spectacular import refusals
from django_idempotency.exceptions import InProgress, KeyUnknown
from django_idempotency.mixins import IdempotencyMixin, IdempotentCreateMixin
from django_idempotency.problems import render
from tests.errors import ERRORS
from tests.openapi.parts import Create, keys, operation, schema_of

POLICY = IdempotencyPolicy()
LETTERS = Header("X-Token"), Header("X-Other")


def teapot(problem: Problem, request: Any) -> HttpResponse:
    return HttpResponse(status=418)


def described(policy: IdempotencyPolicy) -> dict[str, Any]:
    return operation(Create.as_view(idempotency_policy=policy))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (POLICY, {"Idempotency-Key": False}),
        (POLICY.but(required=True), {"Idempotency-Key": True}),
        (POLICY.but(required=True, keys=LETTERS), {"X-Token": False, "X-Other": False}),
        (POLICY.but(required=True, keys=(Header("X-Token"), BodyField("token"))), {"X-Token": False}),
        (POLICY.but(keys=(BodyField("token"),)), {}),
        (POLICY.but(keys=(Derived(lambda request: None),)), {}),
    ],
)
def test_where_a_key_travels(policy: IdempotencyPolicy, expected: dict[str, bool]) -> None:
    """REQ 14: each header is a parameter, required only where nothing else will do; a key elsewhere is none."""
    assert keys(described(policy)) == expected


@pytest.mark.parametrize(
    ("syntax", "lengths"),
    [(KeySyntax.LENIENT, (8, 64)), (KeySyntax.LITERAL, (8, 64)), (KeySyntax.STRICT, (10, 66))],
)
def test_how_long_a_key_is(syntax: KeySyntax, lengths: tuple[int, int]) -> None:
    """REQ 13: where quotes are part of the value, they count."""
    (key,) = described(POLICY.but(syntax=syntax, min_length=8, max_length=64))["parameters"]
    assert (key["schema"]["minLength"], key["schema"]["maxLength"]) == lengths


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (POLICY, {"400", "409", "422", "503"}),
        (POLICY.but(mismatch_status=409, in_flight_status=503), {"400", "409", "503"}),
        (
            POLICY.but(on_mismatch=Mismatch.REPLAY, on_other_target=Mismatch.REPLAY),
            {"400", "409", "503"},
        ),
        (POLICY.but(follows=("auth.User",), gone_status=410), {"400", "409", "410", "422", "503"}),
    ],
)
def test_the_statuses_are_the_policys(policy: IdempotencyPolicy, expected: set[str]) -> None:
    """REQ 11, 18, 20: the refusals have the statuses that the policy gives them, and no others are there."""
    assert set(described(policy)["responses"]) == {"201", *expected}


def test_bound_objects_may_be_gone() -> None:
    """REQ 20: a view that binds what it creates says what follows when that is deleted."""

    class View(IdempotentCreateMixin, Create):
        pass

    assert "`not_found`" in operation(View.as_view())["responses"]["404"]["description"]


def test_what_can_be_refused() -> None:
    """REQ 17: each refusal of a guarded request is told of, where its policy can lead to it."""
    known = refusals.possible(POLICY, binds=False)
    assert set(known) == set(ERRORS) - {KeyUnknown}
    names = {kind.__name__ for kind, can_be in known.items() if can_be}
    assert names == {
        "InvalidKey",
        "ScopeRequired",
        "InvalidBody",
        "KeyReused",
        "InProgress",
        "ResponseUnavailable",
        "Unavailable",
    }
    leased = refusals.possible(IdempotencyPolicy(mode=Mode.LEASED, required=True), binds=True)
    assert all(leased.values())
    unread = POLICY.but(keys=(Derived(lambda request: ""),), fingerprint=Fingerprint.TARGET)
    assert {kind.__name__ for kind, can_be in refusals.possible(unread, binds=False).items() if can_be} == (
        names - {"InvalidKey", "InvalidBody"}
    )


def test_the_problem_is_the_one_that_is_sent() -> None:
    """REQ 17: the schema of a problem has the members of one."""
    schema = refusals.problem_schema()
    sent = json.loads(render(Problem.of(InProgress(), POLICY), RequestFactory().get("/")).content)
    assert set(schema["properties"]) == set(sent) == {"type", *(f.name for f in dataclasses.fields(Problem))}
    assert set(schema["required"]) == set(sent) - {"retry_after"}
    kinds = {"string": str, "integer": int, "boolean": bool}
    assert all(type(sent[name]) is kinds[each["type"]] for name, each in schema["properties"].items())


@pytest.mark.parametrize("by_setting", [False, True])
def test_a_renderer_of_the_projects_own(by_setting: bool) -> None:
    """REQ 17: of bodies that a renderer writes nothing is said, nor of codes that it may rename."""
    dotted = f"{__name__}.teapot"
    policy = POLICY if by_setting else POLICY.but(renderer=dotted)
    with override_settings(IDEMPOTENCY={"RENDERER": dotted} if by_setting else {}):
        schema = schema_of(path("x/", Create.as_view(idempotency_policy=policy)))
    answers = schema["paths"]["/x/"]["post"]["responses"]
    assert {status for status, each in answers.items() if "content" in each} == {"201"}
    assert answers["422"] == {
        "description": "A different request was already made with this idempotency key."
    }
    assert "IdempotencyProblem" not in schema["components"]["schemas"]


def test_derived_keys_that_are_not_marked() -> None:
    """REQ 15: a client that sent no key, and is told of no replay, reads of none."""
    policy = POLICY.but(keys=(Derived(lambda request: "", marked=False),), lifetime=None)
    assert "headers" not in described(policy)["responses"]["201"]


def test_a_policy_that_the_view_chooses() -> None:
    """A view that chooses is asked, as it is for each request."""

    class View(Create):
        def get_idempotency_policy(self) -> IdempotencyPolicy:
            return POLICY.but(required=self.request.method == "POST")

    assert keys(operation(View.as_view())) == {"Idempotency-Key": True}


def test_a_policy_that_nobody_can_tell(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it needs a real request for that, the class's policy is shown, and a warning says so."""

    class View(Create):
        idempotency_policy = POLICY.but(required=True)

        def get_idempotency_policy(self) -> IdempotencyPolicy:
            raise AttributeError("no organization")

    assert keys(operation(View.as_view())) == {"Idempotency-Key": True}
    assert "get_idempotency_policy() failed for POST /x/" in capsys.readouterr().err


class Silent(IdempotencyMixin, APIView):
    serializer_class = Create.serializer_class

    def get(self, request: Request) -> Response:
        return Response()

    def post(self, request: Request) -> Response:
        return Response()


def test_the_mixins_docstring_is_not_published() -> None:
    """It is for those who write views, and for help(); clients read the view's own, or none."""
    schema = schema_of(path("x/", Silent.as_view()))["paths"]["/x/"]
    assert [each.get("description") for each in schema.values()] == [None, None]
    assert inspect.getdoc(Silent) == inspect.getdoc(IdempotencyMixin)

    class Base(APIView):
        """The project's own."""

    class View(IdempotencyMixin, Base):
        post = Silent.post
        serializer_class = Create.serializer_class

    assert operation(View.as_view())["description"] == "The project's own."


def test_names_that_are_relied_upon() -> None:
    """What drf-spectacular does not promise to keep is still there, and is still called."""
    assert isinstance(extensions.OpenApiViewExtension._registry, list)
    assert callable(extensions.OpenApiViewExtension._matches)
    assert list(inspect.signature(openapi.AutoSchema._get_response_bodies).parameters) == [
        "self",
        "direction",
    ]
    assert "_get_response_bodies()" in inspect.getsource(openapi.AutoSchema.get_operation)
    assert "OpenApiViewExtension.get_match(callback)" in inspect.getsource(
        generators.SchemaGenerator.create_view
    )
    assert "__mro__" in inspect.getsource(plumbing.get_doc)
    assert callable(drainage.warn)
