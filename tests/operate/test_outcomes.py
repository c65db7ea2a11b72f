"""The view that tells a client what became of its key."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import close_old_connections, connection
from django.http import HttpResponse, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, Problem, bind
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.models import IdempotencyRecord
from django_idempotency.outcomes import IdempotencyOutcomeView
from django_idempotency.scopes import attribute
from tests.app.models import Effect
from tests.guarantee.moments import before_the_store, end_session, session
from tests.guarantee.test_store import renamed
from tests.operate.records import SECRET, completed, leased
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)


class Create(IdempotencyMixin, APIView):
    def post(self, request: Request) -> Response:
        effect = Effect.objects.create(label="made")
        bind(effect)
        return Response({"id": effect.pk, "secret": SECRET.decode()}, status=201)


class Linked(IdempotencyOutcomeView):
    permission_classes = (IsAuthenticated,)

    def link(self, record: IdempotencyRecord) -> str | None:
        return f"/effects/{record.resource_id}" if record.resource_type == "app.effect" else None


def render(problem: Problem, request: Any) -> HttpResponse:
    return JsonResponse({"no": problem.code}, status=problem.status)


def named(scope: str) -> APIClient:
    """A client that says itself whose it is."""
    return APIClient(headers={"X-Scope": scope})


urlpatterns = [
    path("effects/", Create.as_view()),
    path("idempotency/<path:key>", Linked.as_view()),
    path(
        "other/<path:key>",
        IdempotencyOutcomeView.as_view(
            idempotency_policy=IdempotencyPolicy(scope=lambda request: request.headers.get("X-Scope"))
        ),
    ),
    path(
        "own/<path:key>",
        IdempotencyOutcomeView.as_view(
            idempotency_policy=IdempotencyPolicy(scope=attribute("nothing"), renderer=render)
        ),
    ),
]


def client_of(number: int) -> APIClient:
    client = APIClient()
    client.force_authenticate(User(pk=number, username=str(number)))
    return client


def post(client: APIClient, key: str = "key-1") -> Any:
    return client.post("/effects/", headers={"Idempotency-Key": key})


def test_what_became_of_it(database: Database) -> None:
    """REQ 26: "what became of my key?": state, mode, times, status and resource; never what was answered."""
    alice = client_of(1)
    made = post(alice).json()["id"]
    with CaptureQueriesContext(connection) as queries:
        answer = alice.get("/idempotency/key-1")
    assert (answer.status_code, answer["Cache-Control"], len(queries)) == (200, "no-store", 1)
    assert answer.json()["count"] == 1
    [shown] = answer.json()["results"]
    times = {name: shown.pop(name) for name in ("created_at", "completed_at", "expires_at")}
    assert times["created_at"] <= times["completed_at"] < times["expires_at"]
    assert shown == {
        "endpoint": IdempotencyRecord.objects.get().endpoint,
        "mode": "atomic",
        "state": "completed",
        "status": 201,
        "resource": {
            "type": "app.effect",
            "id": str(made),
            "deleted_at": None,
            "link": f"/effects/{made}",
        },
    }
    assert SECRET not in answer.content
    assert "response_body" not in queries[0]["sql"]


def test_another_callers_key_is_not_there(database: Database) -> None:
    """REQ 26: "within the caller's scope only": two callers with one key see their own, a third the 404 of a new key."""
    first, second, third = (client_of(number) for number in (1, 2, 3))
    ids = [post(client).json()["id"] for client in (first, second)]
    for client, made in zip((first, second), ids, strict=True):
        [shown] = client.get("/idempotency/key-1").json()["results"]
        assert shown["resource"]["id"] == str(made)
    anothers, unused = third.get("/idempotency/key-1"), third.get("/idempotency/key-2")
    assert (anothers.status_code, anothers["Content-Type"]) == (404, "application/problem+json")
    assert anothers.json()["code"] == "idempotency_key_unknown"
    assert anothers.content == unused.content
    assert "Retry-After" not in anothers


def test_permissions_come_first(database: Database) -> None:
    """Authentication and permissions are those of any DRF view, and nobody has no keys."""
    post(client_of(1))
    assert APIClient().get("/idempotency/key-1").status_code == 403
    assert client_of(1).post("/idempotency/key-1").status_code == 405
    nobody = APIClient().get("/other/key-1")
    assert (nobody.status_code, nobody.json()["code"]) == (400, "idempotency_scope_required")


def test_no_log_holds_the_key(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 23: "keys are not logged raw", although this one stands in the path, which Django logs of refusals."""
    with caplog.at_level("INFO"):
        for client, url in (
            (client_of(1), "/idempotency/"),
            (APIClient(), "/idempotency/"),
            (APIClient(), "/other/"),
        ):
            assert client.get(f"{url}4242-key").status_code >= 400
    assert "4242-key" not in caplog.text


def assert_unavailable(answer: Any) -> None:
    """503 in the policy's format, which says that asking again may help."""
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")
    assert (answer.json()["code"], answer["Retry-After"]) == ("idempotency_unavailable", "1")


def test_a_database_that_fails(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """REQ 23, 24: 503 with Retry-After, the operator is told what sort of error it was, and no log holds the key."""
    with caplog.at_level("INFO"), renamed(IdempotencyRecord._meta.db_table):
        assert_unavailable(named("alice").get("/other/4242-key"))
    assert re.search("could not be looked up: (Operational|Programming)Error", caplog.text)
    assert "4242-key" not in caplog.text


@pytest.mark.databases("postgresql", "mariadb")
@pytest.mark.parametrize("atomic_requests", [False, True])
def test_a_session_that_ends(
    database: Database, caplog: pytest.LogCaptureFixture, atomic_requests: bool
) -> None:
    """REQ 24: the same where the database goes away under the request, and the next one is answered."""
    database.reconfigure(ATOMIC_REQUESTS=atomic_requests)
    completed("4242-key")
    ended = session()
    before_the_store(lambda: end_session(ended))
    with caplog.at_level("INFO"):
        assert_unavailable(named("alice").get("/other/4242-key"))
    assert "4242-key" not in caplog.text
    close_old_connections()  # as a server does between two requests
    assert named("alice").get("/other/4242-key").status_code == 200


def test_each_state_is_told(database: Database) -> None:
    """The database's clock decides: a lease that is over is unknown, and what has expired is not there any more."""
    days = timedelta(days=2)
    completed("k", age=days)
    completed("k", endpoint="for ever", age=days, lifetime=None)
    leased("k", endpoint="in flight", left=timedelta(minutes=1))
    leased("k", endpoint="over", left=-days)
    leased("k", endpoint="unknown", left=None)
    told = named("alice").get("/other/k").json()
    assert {each["endpoint"]: (each["mode"], each["state"]) for each in told["results"]} == {
        "for ever": ("atomic", "completed"),
        "in flight": ("leased", "in_progress"),
        "over": ("leased", "unknown"),
        "unknown": ("leased", "unknown"),
    }
    assert told["count"] == 4


def test_a_tombstone_has_no_link(database: Database) -> None:
    """REQ 20: an object that was found to be deleted is told as deleted, and nobody is sent there."""
    alice = client_of(1)
    post(alice)
    IdempotencyRecord.objects.update(resource_deleted_at="2026-01-01T00:00:00Z")
    [shown] = alice.get("/idempotency/key-1").json()["results"]
    assert (shown["resource"]["deleted_at"], shown["resource"]["link"]) == ("2026-01-01T00:00:00Z", None)


def test_the_policy_decides(database: Database) -> None:
    """Scope and renderer are those of the policy that the view is given."""
    answer = client_of(1).get("/own/key-1")
    assert (answer.status_code, answer.json()) == (400, {"no": "idempotency_scope_required"})


@pytest.mark.parametrize("key", ["a/b c", '"quoted"', "k" * 256, "../x?", "%41"])
def test_any_key_can_be_asked_for(database: Database, key: str) -> None:
    """A key is any printable ASCII, so also one that a path has to write in other characters."""
    completed(key)
    completed(f"{key[:255]} ")
    quoted = "".join(f"%{ord(character):02X}" for character in key)
    assert named("alice").get(f"/other/{quoted}").json()["count"] == 1


@pytest.mark.parametrize("quoted", ["%00", "a%00", "%C3%A9", "%FF", "k" * 257])
def test_what_is_no_key_is_unknown(database: Database, quoted: str) -> None:
    """What no record can hold is not there, whatever a database would say to it."""
    assert named("alice").get(f"/other/{quoted}").status_code == 404


def test_many_endpoints_are_bounded(database: Database) -> None:
    """One key may have been used at any number of endpoints; an answer tells of the newest hundred."""
    for number in range(101):
        completed("k", endpoint=f"POST {number}", age=timedelta(minutes=number))
    results = named("alice").get("/other/k").json()["results"]
    assert [each["endpoint"] for each in results] == [f"POST {number}" for number in range(100)]


def test_it_goes_by_an_index(database: Database) -> None:
    """However many records there are, none but those of the key or the scope are read."""
    for number in range(50):
        completed(f"key-{number}", f"scope-{number}")
    with CaptureQueriesContext(connection) as queries:
        named("scope-7").get("/other/key-7")
    explain = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN ", "mysql": "EXPLAIN "}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        cursor.execute(explain[connection.vendor] + queries[0]["sql"].replace("%", "%%"))
        plan = str(cursor.fetchall())
    used = {
        "sqlite": "SEARCH idempotency_record USING INDEX",
        "postgresql": "Index",
        "mysql": "idempotency_record_key",
    }
    assert used[connection.vendor] in plan
    assert "Seq Scan" not in plan
