"""Errors that look like something else: another database's, and a transaction that the handler has ended by itself."""

from __future__ import annotations

from contextlib import closing
from tempfile import TemporaryDirectory

import pytest
from django.db import connection
from django.db.utils import ConnectionHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_idempotency.decorators import idempotent
from tests.app.models import Effect
from tests.guarantee.clients import REPLAYED
from tests.guarantee.desk import POLICY, effects, post, records

pytestmark = [pytest.mark.urls(__name__), pytest.mark.usefixtures("atomic_requests")]


@idempotent(POLICY)
def asks_elsewhere(request: HttpRequest) -> HttpResponse:
    """Ask another database for a table that it does not have."""
    Effect.objects.create(label="paid")
    with TemporaryDirectory() as folder:
        settings = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/other"}
        other = ConnectionHandler({"default": settings})["default"]
        with closing(other), other.cursor() as cursor:
            cursor.execute("SELECT * FROM nowhere")
    return HttpResponse(status=201)


@idempotent(POLICY)
def rolls_back(request: HttpRequest) -> HttpResponse:
    """End the transaction behind Django's back, as a swallowed deadlock does on MariaDB."""
    Effect.objects.create(label="paid")
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")
    return HttpResponse(status=201)


urlpatterns = [path("asks-elsewhere/", asks_elsewhere), path("rolls-back/", rolls_back)]


def test_an_error_of_another_database_is_the_handlers() -> None:
    """REQ 24: only the loss of the records' own database is a 503; a fault in the code must not look like an outage."""
    assert post("/asks-elsewhere/").status_code == 500
    assert (effects(), records()) == (0, 0)


@pytest.mark.databases("postgresql", "mariadb")
def test_a_transaction_that_is_gone_is_no_success() -> None:
    """REQ 2: where the claim has gone with the transaction, the answer is 503 and nothing is left."""
    response = post("/rolls-back/")
    assert (response.status_code, REPLAYED in response.headers) == (503, False)
    assert response.headers["Retry-After"] == "1"
    assert (effects(), records()) == (0, 0)
