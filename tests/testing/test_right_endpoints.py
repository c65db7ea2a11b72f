"""REQ 30: What is idempotent is found to be."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from django_idempotency.models import IdempotencyRecord
from django_idempotency.testing import aassert_idempotent, assert_idempotent
from tests.faces.parts import client, effects
from tests.rig import Database
from tests.testing import desk
from tests.testing.desk import CHOSEN, JSON, ORDER, OTHER, POLICIES, committed, mask, prove

pytestmark = [pytest.mark.urls(desk.__name__), pytest.mark.usefixtures("database")]


@pytest.mark.parametrize("name", POLICIES)
def test_any_policy(name: str) -> None:
    """REQ 30: The key goes where the policy looks for it, and the first response comes back."""
    response = prove(f"/{name}/", headers={"X-Caller": "ann"})
    assert response.status_code == 201
    assert effects(pk=response.json()["id"]) == effects() == IdempotencyRecord.objects.count() == 1
    assert len(mail.outbox) == 1
    assert committed[-1:] == [response.json()["id"]]  # the callbacks of the first request have run as ever


@pytest.mark.parametrize("name", ["default", "leased", "replay", "target", "amount", "body", "unmarked"])
def test_another_body_is_answered_as_the_policy_says(name: str) -> None:
    """REQ 30: Refused where the policy refuses it, and replayed where it replays."""
    prove(f"/{name}/", other_data=OTHER)
    assert effects() == 1


@pytest.mark.parametrize("amount", [2, 10])
def test_another_body_is_validated(amount: int) -> None:
    """REQ 30: VALIDATE may refuse it, or answer with the first result."""
    prove("/validate/", other_data={**ORDER, "amount": amount})
    assert effects() == 1


@pytest.mark.parametrize("name", ["required", "body", "strict"])
def test_a_key_that_is_required(name: str) -> None:
    """REQ 30: Where the policy requires a key, a request without one is sent too, and leaves nothing."""
    prove(f"/{name}/", key_required=True)
    assert effects() == 1


def test_another_caller() -> None:
    """REQ 30: It has a record of its own, or is refused."""
    for other in (Client(headers={"X-Caller": "bob"}), Client()):
        prove("/caller/", client=Client(headers={"X-Caller": "ann"}), other_client=other)
    assert effects() == 3
    prove("/mixin/", client=client("ann"), other_client=Client())
    prove("/mixin/", client=client("ann"), other_client=client("bob"))


@pytest.mark.parametrize("url", ["/mixin/", "/mixin-leased/", "/binding/"])
def test_drf(url: str) -> None:
    """REQ 30: Through DRF's client, in its formats."""
    response = assert_idempotent(client(), "post", url, ORDER, other_data=OTHER, format="json")
    assert response.data["label"] == "book"
    assert_idempotent(client(), "POST", url, ORDER, format="multipart")


def test_a_view_that_chooses_its_policy() -> None:
    """REQ 30: The policy that it chooses is passed on."""
    assert_idempotent(client(), "POST", "/choosing/", ORDER, policy=CHOSEN, format="json")


@pytest.mark.parametrize(
    "data", [{"f": SimpleUploadedFile("a", b"abc")}, {"f": [io.BytesIO(b"abc")], "x": "y"}]
)
def test_files_are_sent_whole_each_time(data: dict[str, Any]) -> None:
    """REQ 30: A file that the first request has read to its end is the same in the retry."""
    assert assert_idempotent(Client(), "POST", "/files/", data).json()["size"] == 3


@pytest.mark.parametrize(
    "data", [json.dumps({**ORDER, "op_id": "mine"}), {**ORDER, "op_id": "mine"}, json.dumps(ORDER)]
)
def test_a_key_in_the_body(data: Any) -> None:
    """REQ 30: One that is there already is used; else one is put in."""
    prove("/body/", data, other_data=OTHER)
    assert IdempotencyRecord.objects.filter(key="mine").exists() == ("mine" in str(data))


def test_a_key_in_two_places() -> None:
    """REQ 30: A body that has a key as well as a header gets the same one in both, and neither where none is to be sent."""
    data, other = {**ORDER, "op_id": "mine"}, {**OTHER, "op_id": "another"}
    prove(
        "/both/",
        data,
        other_data=other,
        policy=POLICIES["both"],
        headers={"x-token": "a third", "X-Other": "1"},
    )
    assert IdempotencyRecord.objects.get().key == "mine"


def test_a_path_with_a_query() -> None:
    """REQ 30: The view is found by the path alone."""
    prove("/strict/?a=b#c")


def test_a_key_that_is_given() -> None:
    """REQ 30: It is the key of the record, also with quotes in it."""
    prove("/default/", key='a"b')
    prove("/literal/", key='"c"')
    assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {'a"b', '"c"'}


def test_what_is_stored_in_another_form() -> None:
    """REQ 30: A redacted body, one that is not kept, and an error are each replayed as the view has it."""
    assert prove("/card/", redacted=mask).json()["number"] == "4242"
    prove("/large/", unavailable=True, other_data=OTHER)
    prove("/streamed/", unavailable=True)
    assert prove("/declined/3/").status_code == 402
    assert prove("/put/", method="PUT").status_code == 200
    assert prove("/put/", None, method="DELETE").status_code == 200


def test_async() -> None:
    """REQ 30: An async view, through Django's client and its async one, in a test of either kind."""

    async def of_async_test() -> Any:
        await aassert_idempotent(Client(), "POST", "/default/", ORDER, content_type=JSON)
        return await aassert_idempotent(
            AsyncClient(), "POST", "/async/", ORDER, content_type=JSON, other_data=OTHER
        )

    assert async_to_sync(of_async_test)().status_code == 201
    prove("/async/", client=Client())
    prove("/async/", client=AsyncClient())
    assert effects() == 4


def test_atomic_requests(database: Database) -> None:
    """REQ 30: Also where each request is one transaction."""
    database.reconfigure(ATOMIC_REQUESTS=True)
    prove("/default/", other_data=OTHER)


def test_what_may_change() -> None:
    """REQ 30: A value that a retry leaves as it is, is no fault."""
    prove("/default/", unchanged=effects)
