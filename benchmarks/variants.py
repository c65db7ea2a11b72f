"""The contestants: the bare view, and the package's own claim beside the shapes that were not chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import IdempotencyPolicy, Mode, work
from django_idempotency.claims import messages
from django_idempotency.claims.base import COLUMNS, TABLE, Claim, Claims, Entry, Row
from django_idempotency.claims.postgresql import LIVE, PostgreSQLClaims
from django_idempotency.mixins import IdempotencyMixin
from django_idempotency.resources import Resource
from django_idempotency.responses import Snapshot
from django_idempotency.scopes import everyone
from tests.app.models import Effect


class Bare(APIView):
    authentication_classes = ()

    def post(self, request: Request) -> Response:
        data: Any = request.data
        effect = Effect.objects.create(label="paid", amount=data["amount"])
        return Response({"id": effect.pk}, status=201)


class Guarded(IdempotencyMixin, Bare):
    idempotency_policy = IdempotencyPolicy(scope=everyone)


class Leased(IdempotencyMixin, Bare):
    idempotency_policy = IdempotencyPolicy(scope=everyone, mode=Mode.LEASED)


def bare_views() -> dict[str, Callable[..., Any]]:
    """The two floors: one statement in autocommit, and the same in a transaction."""
    bare = Bare.as_view()
    return {"bare": bare, "bare in atomic()": transaction.atomic(bare)}


def guarded_view() -> Callable[..., Any]:
    view: Callable[..., Any] = Guarded.as_view()
    return view


def leased_view() -> Callable[..., Any]:
    view: Callable[..., Any] = Leased.as_view()
    return view


class Alone(PostgreSQLClaims):
    """Each statement in a message of its own, and BEGIN and COMMIT in theirs."""

    send = staticmethod(messages.send_each)

    def cursor(self, connection: BaseDatabaseWrapper) -> CursorWrapper:
        return connection.cursor()


class ReadFirst(PostgreSQLClaims):
    """A read in autocommit before each transaction: replays never begin one, fresh keys pay a statement more."""

    reads_first = True


class OneStatement(Alone):
    """Read, lock and a placeholder row in one statement; the row is completed by an update."""

    NOTHING = ", ".join("NULL" for _ in COLUMNS)
    CLAIM = f"""
        WITH old AS MATERIALIZED (
            SELECT {LIVE} AS live, floor(extract(epoch FROM expires_at - statement_timestamp()))::bigint AS expires_in,
                FALSE AS lapsed, {", ".join(COLUMNS)}
            FROM {TABLE} WHERE id = %(id)s),
        gate AS MATERIALIZED (
            SELECT pg_try_advisory_xact_lock(%(lock)s) AS ok WHERE NOT EXISTS (SELECT 1 FROM old WHERE live)),
        taken AS (
            UPDATE {TABLE} AS record SET mode = %(mode)s, state = 'in_progress', fingerprint = %(fingerprint)s,
                created_at = now(), expires_at = now() + make_interval(secs => %(seconds)s)
            FROM gate, old WHERE gate.ok AND NOT old.live AND record.id = %(id)s AND record.state = 'completed'
                AND record.expires_at <= statement_timestamp() RETURNING 1),
        made AS (
            INSERT INTO {TABLE} (id, scope, endpoint, idempotency_key, mode, state, fingerprint, response_headers,
                resource_type, resource_id, attempt, created_at, expires_at)
            SELECT %(id)s, %(scope)s, %(endpoint)s, %(key)s, %(mode)s, 'in_progress', %(fingerprint)s, '', '', '', 1,
                now(), now() + make_interval(secs => %(seconds)s)
            FROM gate WHERE gate.ok AND NOT EXISTS (SELECT 1 FROM old) ON CONFLICT DO NOTHING RETURNING 1)
        SELECT 'existing', * FROM old WHERE live
        UNION ALL SELECT 'claimed', NULL, NULL, NULL, {NOTHING} FROM made
        UNION ALL SELECT 'claimed', NULL, NULL, NULL, {NOTHING} FROM taken
        UNION ALL SELECT 'in flight', NULL, NULL, NULL, {NOTHING} FROM gate WHERE NOT ok"""
    COMPLETE = f"""
        UPDATE {TABLE} SET state = 'completed', response_status = %s, response_headers = %s, response_body = %s,
            completed_at = statement_timestamp()
        WHERE id = %s AND state = 'in_progress'"""

    def claim(self, cursor: CursorWrapper, entry: Entry, seen: Row | None) -> Row | Claim:
        identity = entry.identity
        cursor.execute(
            self.CLAIM,
            {
                "id": identity.digest,
                "lock": identity.lock,
                "scope": identity.scope,
                "endpoint": identity.endpoint,
                "key": identity.key,
                "mode": entry.mode.value,
                "fingerprint": entry.fingerprint,
                "seconds": entry.seconds,
            },
        )
        rows = cursor.fetchall()
        if not rows:
            return Claim.AGAIN
        if rows[0][0] == "existing":
            return Row(*rows[0][1:])
        return Claim(rows[0][0])

    def write(
        self, cursor: CursorWrapper, entry: Entry, snapshot: Snapshot, made: Resource, *, new: bool
    ) -> bool:
        cursor.execute(
            self.COMPLETE, [snapshot.status, snapshot.header_text, snapshot.body, entry.identity.digest]
        )
        return bool(cursor.rowcount == 1)


SHAPES: dict[str, Claims] = {
    "with BEGIN and COMMIT": PostgreSQLClaims(),
    "each statement alone": Alone(),
    "read first": ReadFirst(),
    "claim in one statement": OneStatement(),
}


@contextmanager
def shaped(name: str) -> Iterator[None]:
    """Let the engine claim in this shape; a bare view needs none."""
    if name not in SHAPES:
        yield
        return
    module: Any = work
    original, module.claims_for = module.claims_for, lambda vendor: SHAPES[name]
    try:
        yield
    finally:
        module.claims_for = original
