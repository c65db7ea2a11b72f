"""What "the same request" means for queries and paths; and that headers are no part of it."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.versioning import AcceptHeaderVersioning
from rest_framework.views import APIView

from django_idempotency import Fingerprint, IdempotencyPolicy, Mismatch
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, effects, is_replay, send

pytestmark = pytest.mark.databases("sqlite")

faces = pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])


@faces
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("a=1&b=2", "b=2&a=1", True),
        ("a=%31", "a=1", True),
        ("a=1&a=2", "a=2&a=1", False),
        ("a=1", "", False),
        ("a=", "", False),
        ("a=1", "a=1&a=1", False),
        ("a=%FF", "a=%FE", False),
        ("a=%ff", "a=%FF", True),
        ("a=%00", "a=", False),
        ("a=\xff", "a=\xfe", False),
        ("a=b%26c=d", "a=b&c=d", False),
    ],
)
@pytest.mark.parametrize("policy", [OPEN, OPEN.but(fingerprint=Fingerprint.TARGET)], ids=["body", "target"])
def test_the_query_is_part_of_the_request(
    database: Database,
    site: Site,
    first: str,
    second: str,
    expected: bool,
    policy: IdempotencyPolicy,
    drf: bool,
) -> None:
    """REQ 6: another query is another request, also where the body does not count."""
    client = site(policy, drf=drf)
    answers = [_with_query(client, query) for query in (first, second)]
    assert answers[0].status_code == 201
    assert is_replay(*answers) is expected
    assert code(answers[1]) == (None if expected else "idempotency_conflict")
    assert effects() == 1


@pytest.mark.parametrize(
    "policy",
    [
        OPEN,
        OPEN.but(fingerprint=Fingerprint.RAW),
        OPEN.but(fingerprint=Fingerprint.TARGET),
        OPEN.but(on_mismatch=Mismatch.REPLAY),
        OPEN.but(fingerprint_fields=("a",)),
    ],
    ids=["semantic", "raw", "target", "replay", "fields"],
)
@pytest.mark.parametrize(
    ("first", "second"),
    [("/posts/1/draft", "/posts/2/draft"), ("/a%2Fb", "/a%252Fb"), ("/%FF", "/%FE"), ("/a", "/a/")],
)
def test_path_arguments_always_count(
    database: Database, site: Site, policy: IdempotencyPolicy, first: str, second: str
) -> None:
    """REQ 6: `/posts/1/draft` never answers for `/posts/2/draft`, also where the body does not count."""
    client = site(policy)
    answer = send(client, {"a": 1}, path=first)
    refused = send(client, {"a": 1}, path=second)
    assert (refused.status_code, code(refused)) == (422, "idempotency_conflict")
    assert is_replay(answer, send(client, {"a": 1}, path=first))
    assert effects() == 1


class Versioned(IdempotencyMixin, APIView):
    idempotency_policy = OPEN
    versioning_class = AcceptHeaderVersioning

    def post(self, request: Request, rest: str = "") -> Response:
        return Response({"id": Effect.objects.create(label="x").pk}, status=201)


@pytest.mark.parametrize(
    ("path", "version"),
    [("/a", "3"), ("/a", None), ("/a version 2", None), ("/b", "2"), ("/2/a", None)],
)
def test_a_version_in_a_header_counts_as_the_path(
    database: Database, site: Site, path: str, version: str | None
) -> None:
    """REQ 6: where the version of an API travels in a header, it is a part of the target like any other."""
    client = site(None, Versioned.as_view())

    def accept(version: str | None) -> dict[str, str]:
        return {"Accept": "application/json" + (f'; version="{version}"' if version else "")}

    first = send(client, path="/a", headers=accept("2"))
    assert code(send(client, path=path, headers=accept(version))) == "idempotency_conflict"
    assert is_replay(first, send(client, path="/a", headers=accept("2")))
    assert effects() == 1


def test_headers_never_count(database: Database, site: Site) -> None:
    """REQ 7: headers that change with each attempt do not make another request."""
    client = site()
    first = send(client, {}, headers={"X-Request-Id": "1", "User-Agent": "a", "X-Stainless-Retry-Count": "0"})
    again = {"X-Request-Id": "2", "User-Agent": "b", "X-Stainless-Retry-Count": "1", "Traceparent": "x"}
    assert is_replay(first, send(client, {}, headers=again))


def _with_query(client: Any, query: str) -> Any:
    return client.generic("POST", "/", b"", QUERY_STRING=query, headers={"Idempotency-Key": "k"})
