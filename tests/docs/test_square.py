"""The example of an API with rules of its own keeps them."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.docs.conftest import Site
from tests.docs.pages import ROOT
from tests.docs.shop import Payment

pytestmark = pytest.mark.databases("sqlite")

SOURCE = ROOT / "docs/howto/square.py"
KEY = "7b0f3ec5-086a-4871-8f13-3c81b3875218"
PAYMENT = {"idempotency_key": KEY, "amount": 1000, "currency": "USD"}


@pytest.fixture
def client(site: Site, alice: User) -> APIClient:
    site.serve(*runpy.run_path(str(SOURCE))["urlpatterns"])
    client = APIClient()
    client.force_authenticate(alice)
    return client


def pay(client: APIClient, **changes: Any) -> Any:
    return client.post("/v2/payments", PAYMENT | changes, format="json")


def refused(response: Any) -> tuple[int, str, str]:
    """Its status, and the category and code of the one error in Square's array."""
    (error,) = response.json()["errors"]
    assert set(error) == {"category", "code", "detail", "field"}
    # A sentence, and nothing of Python's.
    assert error["detail"].endswith(".")
    assert "ErrorDetail" not in error["detail"]
    return response.status_code, error["category"], error["code"]


def test_it_is_one_small_file() -> None:
    """Another system is one file of less than 60 lines."""
    assert len(SOURCE.read_text().splitlines()) < 60


def test_a_retry_pays_once(client: APIClient) -> None:
    """The same key and body: the first answer."""
    first, second = pay(client), pay(client)
    assert first.status_code == 201
    assert (second.status_code, second.content) == (201, first.content)
    assert second["Idempotent-Replayed"] == "true"
    assert Payment.objects.count() == 1


def test_another_body_is_refused(client: APIClient) -> None:
    """The same key and another body: 400, in the array."""
    pay(client)
    assert refused(pay(client, amount=2000)) == (400, "INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED")
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    ("key", "code"),
    [("x" * 46, "INVALID_VALUE"), ("", "INVALID_VALUE"), (None, "INVALID_VALUE"), (7, "INVALID_VALUE")],
    ids=["too long", "empty", "null", "number"],
)
def test_a_bad_key_is_refused(client: APIClient, key: Any, code: str) -> None:
    """A key has 1 to 45 characters."""
    assert refused(pay(client, idempotency_key=key)) == (400, "INVALID_REQUEST_ERROR", code)
    assert pay(client, idempotency_key="x" * 45).status_code == 201
    assert Payment.objects.count() == 1


def test_a_key_is_required(client: APIClient) -> None:
    """Without a key nothing is paid."""
    response = client.post("/v2/payments", {"amount": 1, "currency": "USD"}, format="json")
    assert refused(response) == (400, "INVALID_REQUEST_ERROR", "MISSING_REQUIRED_PARAMETER")
    assert Payment.objects.count() == 0


def test_the_views_own_errors_look_alike(client: APIClient) -> None:
    """What the view refuses is in the same array, and leaves the key free."""
    wrong = pay(client, amount=-1, currency="")
    assert wrong.status_code == 400
    assert [(each["code"], each["field"], each["detail"]) for each in wrong.json()["errors"]] == [
        ("MIN_VALUE", "amount", "Ensure this value is greater than or equal to 0."),
        ("BLANK", "currency", "This field may not be blank."),
    ]
    assert pay(client).status_code == 201
    assert refused(client.put("/v2/payments", {}, format="json"))[2] == "METHOD_NOT_ALLOWED"
    client.force_authenticate(None)
    assert refused(pay(client)) == (401, "AUTHENTICATION_ERROR", "NOT_AUTHENTICATED")


def test_only_what_is_wrong_with_the_key_names_its_field(client: APIClient) -> None:
    """A refusal names the field that it is about, if it is about one."""
    pay(client)
    (reused,) = pay(client, amount=2000).json()["errors"]
    assert reused["field"] == "idempotency_key"
    deep = "[" * 100_000 + "]" * 100_000  # 5,000 are none too many for Python 3.13
    body = f'{{"idempotency_key": "{KEY}", "amount": {deep}}}'
    (nested,) = client.post("/v2/payments", body, content_type="application/json").json()["errors"]
    assert (nested["code"], nested["field"]) == ("INVALID_BODY", None)
