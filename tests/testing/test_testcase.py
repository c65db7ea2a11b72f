"""REQ 30: The proof in the test cases that users write."""

from __future__ import annotations

import unittest
from typing import Any

import pytest
from django.test import TestCase, TransactionTestCase

from django_idempotency.models import IdempotencyRecord
from django_idempotency.testing import aassert_idempotent, assert_idempotent
from tests.app.models import Effect
from tests.testing import desk, wrong
from tests.testing.desk import JSON, ORDER, OTHER

pytestmark = pytest.mark.usefixtures("database")


class Proofs:
    """What a user may write; run below, on each database, in each kind of case."""

    client: Any
    async_client: Any

    def test_right(self) -> None:
        for name in ("default", "leased"):
            assert_idempotent(self.client, "POST", f"/{name}/", ORDER, content_type=JSON, other_data=OTHER)
        assert_idempotent(self.client, "POST", "/declined/1/")

    async def test_right_async(self) -> None:
        await aassert_idempotent(self.async_client, "POST", "/async/", ORDER, other_data=OTHER)
        await aassert_idempotent(self.client, "POST", "/leased/", ORDER)


class WrongProofs:
    """Each of these fails."""

    client: Any
    async_client: Any

    def test_write(self) -> None:
        assert_idempotent(self.client, "POST", "/audit/", ORDER)

    def test_callback(self) -> None:
        assert_idempotent(self.client, "POST", "/register/", ORDER)

    def test_mail(self) -> None:
        assert_idempotent(self.client, "POST", "/mail/", ORDER)

    async def test_async(self) -> None:
        await aassert_idempotent(self.async_client, "POST", "/async/", ORDER)


def results(proofs: type, base: type[unittest.TestCase], name: str) -> unittest.TestResult:
    case = type("UsersOwn", (proofs, base), {"__test__": False})(name)
    result = unittest.TestResult()
    unittest.TestSuite([case]).run(result)
    assert result.testsRun == 1
    return result


@pytest.mark.urls(desk.__name__)
@pytest.mark.parametrize("base", [TestCase, TransactionTestCase])
@pytest.mark.parametrize("name", ["test_right", "test_right_async"])
def test_right(base: type[unittest.TestCase], name: str) -> None:
    """REQ 30: What is idempotent passes in a transaction that never commits, and outside of one."""
    result = results(Proofs, base, name)
    assert result.wasSuccessful(), [*result.failures, *result.errors]
    assert not Effect.objects.exists()
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.urls(wrong.__name__)
@pytest.mark.parametrize("base", [TestCase, TransactionTestCase])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_write", "wrote to the database"),
        ("test_callback", "registered on_commit callbacks"),
        ("test_mail", "sent mail"),
        ("test_async", "wrote to the database"),
    ],
)
def test_wrong(base: type[unittest.TestCase], name: str, message: str) -> None:
    """REQ 30: What is not fails in each, as a failed assertion and not as an error."""
    result = results(WrongProofs, base, name)
    ((_, told),) = result.failures
    assert message in told
