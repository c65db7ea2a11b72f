"""The admin as a project has it, and the people who work there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.urls import path
from django.utils import timezone

from django_idempotency.models import IdempotencyCount, IdempotencyRecord
from tests.app.models import Effect
from tests.leased.desk import LEASED
from tests.leased.desk import leased as leased_endpoint

LIST = "/admin/django_idempotency/idempotencyrecord/"
ALL = (
    "view_response_body",
    "release_idempotencyrecord",
    "resolve_idempotencyrecord",
    "expire_idempotencyrecord",
    "purge_idempotencyrecord",
)

VIEW = ("view_idempotencyrecord", "view_idempotencyaudit", "view_idempotencypurge")

site = admin.AdminSite()
# The package's own, in a site of this test's.
for model in ("idempotencyrecord", "idempotencyaudit", "idempotencypurge"):
    found = next(each for each in admin.site._registry if each._meta.model_name == model)
    site.register(found, type(admin.site._registry[found]))
site.register(Effect)
site.register(User)

urlpatterns = [
    path("admin/", site.urls),
    path("charge/", leased_endpoint()),
    # As the records of the tests have it.
    path("orders/", leased_endpoint(LEASED.but(stored_errors=frozenset({402}))), name="orders"),
]


def staff(*permissions: str, superuser: bool = False, records: bool = True) -> Client:
    """Somebody who may look at the records, if not told otherwise, and what else is named; logged in."""
    user = User.objects.create(username="night", is_staff=True, is_superuser=superuser)
    view = VIEW if records else ()
    user.user_permissions.set(Permission.objects.filter(codename__in=(*view, *permissions)))
    client = Client()
    client.force_login(user)
    return client


def page(record: IdempotencyRecord, what: str = "change") -> str:
    return f"{LIST}{record.pk}/{what}/"


def shown(response: Any) -> list[str]:
    """The keys in the list, in its order."""
    assert response.status_code == 200
    return [record.key for record in response.context["cl"].result_list]


def text(response: Any) -> str:
    """What a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def seen(client: Client, action: str, *records: IdempotencyRecord) -> str:
    """Open the confirmation page of an action, and take what it has seen."""
    opened = client.get(f"{LIST}act/{action}/", {"id": [record.pk for record in records]})
    assert opened.status_code == 200
    return str(opened.context["form"]["seen"].value())


def submit(client: Client, action: str, signed: str, **fields: Any) -> Any:
    """Answer the confirmation page, and follow to the list."""
    given = {"why": "The provider knows no such charge.", "seen": signed, **fields}
    return client.post(f"{LIST}act/{action}/", given, follow=True)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements that are run meanwhile."""
    ran: list[str] = []

    def collect(execute: Any, sql: str, *rest: Any) -> Any:
        ran.append(sql)
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(collect):
        yield ran


def many(number: int) -> None:
    """Make so many completed records on PostgreSQL, of as many keys and a hundred scopes, one a second."""
    with connections["default"].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO idempotency_record (id, scope, endpoint, idempotency_key, mode, state, fingerprint,
                response_status, response_headers, resource_type, resource_id, attempt, created_at, completed_at,
                expires_at)
            SELECT encode(sha256(n::text::bytea), 'hex'), 'scope-' || n %% 100, 'POST many', 'many-' || n, 'atomic',
                'completed', '1:x', 201, '', 'app.effect', n, 1, at, at, at + interval '1 day'
            FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - n * interval '1 second' AS at) AS times""",
            [number],
        )
        # What other tests have left in the indexes would make them look dear.
        cursor.execute("VACUUM ANALYZE idempotency_record")


def explained(client: Client, query: dict[str, str]) -> list[str]:
    """How PostgreSQL finds the records of a page of the list."""
    plans: list[str] = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "idempotency_record" in sql:
            with context["connection"].connection.cursor() as raw:
                # What it thinks of costs depends on what other tests have left behind; whether an index serves does not.
                raw.execute("SET enable_seqscan = off")
                raw.execute(f"EXPLAIN {sql}", params)
                plans.append("\n".join(line for (line,) in raw.fetchall()))
                raw.execute("RESET enable_seqscan")
        return execute(sql, params, many, context)

    with connections["default"].execute_wrapper(explain):
        client.get(LIST, query)
    return plans


def counted() -> None:
    """Count as a week leaves it: much by day, little by night, and some refusals."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    rows = []
    for ago in range(7 * 24):
        busy = 400 - 14 * abs(12 - (ago + 5) % 24)
        for endpoint, share in (("POST orders", 3), ("POST refunds", 1), ("POST payments:charge-list", 2)):
            for outcome, part in (("executed", 10), ("replayed", 2), ("idempotency_conflict", 1)):
                number = busy * share * part // 10
                row = IdempotencyCount(
                    hour=now - ago * timedelta(hours=1), endpoint=endpoint, outcome=outcome, requests=number
                )
                rows.append(row)
    IdempotencyCount.objects.bulk_create(rows)
