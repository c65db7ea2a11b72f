"""REQ 29: asynchronous views, under Django's own ASGI handler in this process."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.sync import iscoroutinefunction as is_async
from django.http import HttpResponse
from django.test import AsyncClient

from django_idempotency.decorators import idempotent
from tests.faces import async_views
from tests.faces.parts import REPLAYED, effects, same, user
from tests.rig import Database

pytestmark = pytest.mark.urls(async_views.__name__)

JSON = "application/json"
VIEWS = ["/pay/", "/waiting/", "/direct/", "/named/", "/whole/"]


async def post(url: str, body: str = "{}", *, key: str = "k", caller: str = "ann", **headers: str) -> Any:
    client = AsyncClient(raise_request_exception=False)
    names = {"Idempotency-Key": key, "X-Caller": caller, **headers}
    return await client.post(url, body, content_type=JSON, headers=names)


def sent(*requests: Any) -> list[HttpResponse]:
    """Send requests one after the other, on one loop."""

    async def send_all() -> list[HttpResponse]:
        return [await request for request in requests]

    return async_to_sync(send_all)()


@pytest.mark.parametrize("url", VIEWS)
def test_a_retry_gets_the_first_answer(database: Database, url: str) -> None:
    """REQ 29: an asynchronous view, function or method, runs once for one key."""
    first, retry, other = sent(post(url), post(url), post(url, key="other"))
    assert first.status_code == 201
    assert same(first, retry)
    assert REPLAYED not in other.headers
    assert effects() == 2


@pytest.mark.parametrize("url", VIEWS)
def test_a_refusal(database: Database, url: str) -> None:
    """REQ 29: another body under the key is refused, and nobody's key is a 400."""
    first, other, nobody, malformed = sent(
        post(url), post(url, '{"a": 1}'), post(url, **{"X-Caller": ""}), post(url, key='"')
    )
    assert [answer.status_code for answer in (first, other, nobody, malformed)] == [201, 422, 400, 400]
    assert effects() == 1


@pytest.mark.parametrize("concurrent", [20])
def test_concurrent_duplicates_run_once(database: Database, concurrent: int) -> None:
    """REQ 1: twenty at once under one key: one effect, one first answer, and the rest are replays."""

    async def storm() -> list[HttpResponse]:
        return list(await asyncio.gather(*(post("/waiting/?pause") for _ in range(concurrent))))

    answers = async_to_sync(storm)()
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sum(REPLAYED not in answer.headers for answer in answers) == 1
    assert effects() == 1


@pytest.mark.parametrize(
    ("query", "status"), [("", 500), ("?missing", 404), ("?refused", 400)], ids=["error", "404", "400"]
)
def test_what_the_view_wrote_is_undone(database: Database, query: str, status: int) -> None:
    """REQ 2: the view's own ORM calls share the transaction: it fails, they are gone, the key is free."""
    for answer in sent(post(f"/failing/{query}"), post(f"/failing/{query}")):
        assert answer.status_code == status
        assert REPLAYED not in answer.headers
    assert effects() == 0


def test_a_stored_404_of_an_async_view(database: Database) -> None:
    """REQ 10: a refusal that the policy stores is replayed, without its effects."""
    first, retry = sent(post("/missing/"), post("/missing/"))
    assert first.status_code == 404
    assert same(first, retry)
    assert effects() == 0


def test_a_hook_may_read_the_record(database: Database) -> None:
    """REQ 5: the hook of an asynchronous view is synchronous, may use the ORM, and refuses."""
    first, retry, hidden = sent(post("/hooked/"), post("/hooked/"), post("/hooked/", **{"X-Hide": "1"}))
    assert same(first, retry)
    assert hidden.status_code == 404
    assert effects() == 1


def test_the_user_of_a_session(database: Database) -> None:
    """REQ 4: a lazy user of a session is the caller, and another user is another."""

    async def by_session() -> list[Any]:
        clients = []
        for name in ("ann", "bob"):
            clients.append(AsyncClient())
            await clients[-1].aforce_login(users[name])
        headers = {"Idempotency-Key": "k"}
        senders = (*clients, *clients, AsyncClient())
        return [
            await client.post("/session/", "{}", content_type=JSON, headers=headers) for client in senders
        ]

    users = {name: user(name) for name in ("ann", "bob")}
    ann, bob, ann_again, bob_again, nobody = async_to_sync(by_session)()
    assert same(ann, ann_again)
    assert same(bob, bob_again)
    assert ann.json()["id"] != bob.json()["id"]
    assert nobody.status_code == 400
    assert effects() == 2


def test_a_guarded_async_view_is_still_async() -> None:
    """The servers ask, and so do Django's class-based views."""
    decorated = idempotent(async_views.pay)
    assert is_async(decorated)
    assert (decorated.__name__, decorated.__doc__) == ("pay", async_views.pay.__doc__)
    assert inspect.signature(decorated) == inspect.signature(async_views.pay)
    assert is_async(idempotent(async_views.Whole.as_view()))
    assert async_views.Direct.view_is_async
    assert async_views.Named.view_is_async
