"""What other libraries got wrong while the first request still runs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from django_idempotency.mixins import IdempotencyMixin
from tests.faces.parts import REPLAYED, TokenView, client, effects, record, send
from tests.rig import Database
from tests.servers import PATIENCE, PAUSE, http_client, serve

pytestmark = pytest.mark.urls(__name__)


class Pay(IdempotencyMixin, TokenView):
    def post(self, request: Request) -> Response:
        return record(request)


urlpatterns = [path("pay/", Pay.as_view(), name="pay")]


# On SQLite a duplicate waits for the one writer, as every other write does.
@pytest.mark.databases("postgresql", "mariadb")
def test_a_slow_handler_ran_twice_and_its_duplicates_held_all_threads(database: Database) -> None:
    """REQ 8, 11: forty duplicates of a slow request are told so at once; an unrelated GET passes; it runs once."""
    environ = {"DJANGO_SETTINGS_MODULE": "tests.peers.server_settings"}
    with (
        serve(database, workers=1, threads=2, environ=environ) as server,
        http_client(server.url) as http,
        ThreadPoolExecutor(9) as pool,
    ):

        def post(number: int) -> httpx.Response:
            with http_client(server.url) as http:
                return http.post("/slow/", headers={"Idempotency-Key": "k"})

        first = pool.submit(post, 0)
        deadline = time.monotonic() + PATIENCE
        while http.get("/unrelated/").text != "begun":
            assert time.monotonic() < deadline
            time.sleep(PAUSE)
        # One of two threads is taken until we release it: what waited in the other would stop all that follows.
        duplicates = list(pool.map(post, range(40)))
        assert {answer.status_code for answer in duplicates} == {409}
        assert {answer.headers["Retry-After"] for answer in duplicates} == {"1"}
        assert {answer.json()["code"] for answer in duplicates} == {"idempotency_in_progress"}
        assert not first.done()
        http.get("/unrelated/?release")
        assert first.result().status_code == 201
        retry = post(0)
        assert (retry.text, retry.headers[REPLAYED]) == ("done", "true")
    assert effects() == 1


def test_unrelated_keys_were_refused(database: Database) -> None:
    """REQ 1: one global lock refused 85 of 100 requests with different keys: none is refused here."""
    token = client()

    def pay(number: int) -> int:
        caller = type(token)(raise_request_exception=False)
        caller.credentials(**token._credentials)  # type: ignore[attr-defined]
        return int(send(caller, "/pay/", key=f"key-{number}").status_code)

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(pay, range(100)))
    assert statuses == [201] * 100
    assert effects() == 100
