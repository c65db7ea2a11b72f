"""Somebody else writes the record of a key right after this request has found none, or an expired one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from django_idempotency import Mode
from django_idempotency.decorators import idempotent
from django_idempotency.identity import Identity
from django_idempotency.models import IdempotencyRecord
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, effects, post
from tests.guarantee.moments import TABLE, after_the_first_read
from tests.rig import Database

pytestmark = pytest.mark.urls(__name__)

LONG_AGO, FAR_OFF = "2001-01-01 00:00:00", "2999-01-01 00:00:00"


# What happens while the next handler runs.
MEANWHILE: list[Callable[[], object]] = []


def pay(request: HttpRequest) -> HttpResponse:
    while MEANWHILE:
        MEANWHILE.pop()()
    return JsonResponse({"id": Effect.objects.create(label="paid").pk}, status=201)


urlpatterns = [
    path("atomic/", idempotent(POLICY)(pay)),
    path("leased/", idempotent(POLICY.but(mode=Mode.LEASED))(pay)),
]
FACES = pytest.mark.parametrize("face", ["/atomic/", "/leased/"])


def change(database: Database, **columns: str) -> None:
    """Over another session, and committed."""
    with database.connect().cursor() as cursor:
        assignments = ", ".join(f"{name} = %s" for name in columns)
        cursor.execute(f"UPDATE {TABLE} SET {assignments}", [*columns.values()])


def stored() -> Any:
    return IdempotencyRecord.objects.values().get()


@FACES
def test_another_has_finished_meanwhile(database: Database, face: str) -> None:
    """REQ 8: Who comes second to an expired key undoes its own work, and answers with what the first has stored."""
    first = post(face)
    change(database, expires_at=LONG_AGO)
    after_the_first_read(lambda: change(database, expires_at=FAR_OFF))
    second = post(face)
    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers[REPLAYED] == "true"
    assert effects() == 1
    assert stored()["expires_at"].year == 2999


@FACES
@pytest.mark.parametrize(
    ("state", "code"), [("in_progress", b"idempotency_in_progress"), ("unknown", b"outcome_unknown")]
)
def test_another_is_under_way_meanwhile(database: Database, face: str, state: str, code: bytes) -> None:
    """REQ 12: Nor is a record taken over that has become a leased one in between: 409, and it is untouched."""
    post(face)
    change(database, expires_at=LONG_AGO)
    after_the_first_read(lambda: change(database, mode="leased", state=state))
    answer = post(face)
    assert answer.status_code == 409
    assert code in answer.content
    assert effects() == 1
    record = stored()
    assert (record["mode"], record["state"], record["expires_at"].year) == ("leased", state, 2001)


def insert_twin(database: Database, digest: str) -> None:
    """Let another session insert, and commit, a record under this digest: a copy of the only one there is."""
    columns = ", ".join(
        str(field.column) for field in IdempotencyRecord._meta.fields if not field.primary_key
    )
    with database.connect().cursor() as cursor:
        cursor.execute(f"INSERT INTO {TABLE} (id, {columns}) SELECT %s, {columns} FROM {TABLE}", [digest])


# Elsewhere the claim itself is a row, and nobody gets between.
@pytest.mark.databases("postgresql")
def test_another_has_inserted_before_the_store(database: Database, atomic_requests: bool) -> None:
    """REQ 2: where no lock keeps two handlers apart, the primary key does: who comes second undoes its own work."""
    pattern = post("/atomic/", "pattern")
    digest = Identity.of(stored()["scope"], stored()["endpoint"], "key-1").digest
    MEANWHILE.append(lambda: insert_twin(database, digest))
    second = post("/atomic/")
    assert effects() == 1  # the pattern's
    if atomic_requests:  # not ours to begin again
        assert second.status_code == 503
        second = post("/atomic/")
    assert (second.status_code, second.content) == (201, pattern.content)
    assert second.headers[REPLAYED] == "true"


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize(
    ("columns", "status"),
    [({"expires_at": FAR_OFF}, 201), ({"mode": "leased", "state": "in_progress"}, 409)],
    ids=["finished", "under way"],
)
def test_another_has_renewed_before_the_store(
    database: Database, columns: dict[str, str], status: int
) -> None:
    """REQ 12: nor is an expired record written over that has become somebody's since."""
    first = post("/atomic/")
    change(database, expires_at=LONG_AGO)
    MEANWHILE.append(lambda: change(database, **columns))
    second = post("/atomic/")
    assert (second.status_code, effects()) == (status, 1)
    assert status == 409 or second.content == first.content
    record = stored()
    assert record["mode"] == columns.get("mode", "atomic")
