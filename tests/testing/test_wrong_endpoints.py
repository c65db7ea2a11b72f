"""REQ 30: What is not idempotent is found not to be, and the message says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from django.db import connections
from django.test import AsyncClient, Client

from django_idempotency.signals import request_answered
from django_idempotency.testing import aassert_idempotent, assert_idempotent
from tests.faces.parts import client
from tests.rig import HANDLER, Database
from tests.testing import around, desk, wrong
from tests.testing.desk import JSON, ORDER, OTHER, POLICY, prove
from tests.testing.verdicts import fault, says

pytestmark = [pytest.mark.urls(wrong.__name__), pytest.mark.usefixtures("database")]
right = pytest.mark.urls(desk.__name__)

FIRST = {
    "unguarded": "Nothing guards tests.testing.desk.make: put IdempotencyMixin .*, or @idempotent",
    "patch-only": r"guards PATCH only: name POST in IdempotencyPolicy\(methods=",
    "nowhere": "answered 404: no view takes POST there",
    "login": r"answered 302 before the guard was reached, .*: /accounts/login/\?next=/login/. Let the client be somebody who may",
    "without-key": "took it for a request without a key",
    "invalid": r"answered 400, which the policy does not store.*missing.*stored_errors=",
    "broken": "answered 500, which the policy does not store.*out of paper",
    "caller": r"refused as idempotency_scope_required \(400\): b'\{",
    "mark": "The first answer says Idempotent-Replayed: true, and should say nothing",
    "drop_records": r"left 0 records on default \(none\)",
}
RETRY = {
    "once": "The retry was answered 429 before it reached the guard: b'slow down'",
    "any-scope": r"The retry ran the view again \(executed\): .* another caller",
    "any-key": r"The retry ran the view again \(executed\): .* a Derived key",
    "large": r"response_unavailable \(409\).*max_body_size = 100.*pass unavailable=True",
    "deletes": r"not_found \(404\). The object that the handler has bound",
    "audit": r"wrote to the database:\n *default: INSERT INTO .app_tag. .*around.py:\d+, audit\)\n.*ignore_tables=",
    "audit_elsewhere": r"The first request wrote to another database than default.*:\n *elsewhere: INSERT INTO .app_tag. ",
    "register": r"registered on_commit callbacks:\n *tests.testing.around.forget \(.*around.py:\d+, register\)",
    "mail": r"The retry sent mail:\n *Thank you again\n.*move it into the handler",
    "wrong_status": "status is 200, and the first one's 201. Something around the guard",
    "wrong_body": r"body is b'\{.at.: \d+\}', and should be b'\{.at.: \d+\}'.*pass redacted=",
    "wrong_type": "The retry's Content-Type is 'text/plain', and the first one's 'application/json'",
    "wrong_location": r"The retry's Location is '/\d+/', and the first one's '/\d+/'",
    "unmark": "The retry says Idempotent-Replayed: None, and should say true",
    "touch_records": "The retry changed a record that was there",
    "copy_record": "The retry left a record of its own",
    "card": r"body is b'\{\}', and should be .*4242.*Or the view redacts what is stored: pass redacted=",
}


@pytest.fixture(autouse=True)
def elsewhere(database: Database) -> Iterator[None]:
    """The same database under another alias, so over another connection."""
    HANDLER.settings["elsewhere"] = {**HANDLER.settings["default"]}
    yield
    connections["elsewhere"].close()
    del connections["elsewhere"], HANDLER.settings["elsewhere"]


@pytest.mark.parametrize("name", FIRST)
def test_a_first_request(name: str) -> None:
    """REQ 30: It says where the first request stopped, and what to do."""
    message = fault(f"/{name}/")
    assert message.startswith(f"POST /{name}/")
    assert "is not idempotent:\n- " in message
    says(FIRST[name], message)


@pytest.mark.parametrize("name", RETRY)
def test_a_retry(name: str) -> None:
    """REQ 30: It says in what the retry differs, or what it has done, and where."""
    message = fault(f"/{name}/")
    says(RETRY[name], message)
    assert "_mark_committed" not in message  # the guard's own callback is nobody's fault


@right
def test_a_caller_whom_nobody_knows() -> None:
    """REQ 30: DRF refuses before the guard; the message has its answer."""
    says("answered 401 before the guard.*credentials were not provided", fault("/mixin/"))


@right
def test_a_policy_that_is_chosen() -> None:
    """REQ 30: A view that chooses its policy by the request does not say which one it is."""
    says("chooses its policy by the request: pass", fault("/choosing/", client=client()))
    says("took it for a request without a key", fault("/choosing/", client=client(), policy=POLICY))


@right
def test_a_policy_that_is_switched_off(settings: Any) -> None:
    """REQ 30: With the guards switched off nothing is idempotent."""
    settings.IDEMPOTENCY = {"ENABLED": False}
    says("ENABLED.* is False", fault("/default/"))


@right
def test_a_key_that_was_used() -> None:
    """REQ 30: A first request that is a replay itself proves nothing."""
    for url, options in (("/default/", {"key": "k"}), ("/derived/", {})):
        prove(url, **options)
        says(r"not the first one with its key \(replayed\)", fault(url, **options))
        says(r"\(idempotency_conflict\)", fault(url, OTHER, **options))


@right
@pytest.mark.parametrize("key", ["", "\x7f"])
def test_a_malformed_key(key: str) -> None:
    """REQ 30: A key that the policy does not take is refused, and said to be."""
    says(
        "refused as invalid_idempotency_key .* Pass a key= that the policy takes", fault("/default/", key=key)
    )


@right
def test_a_key_that_cannot_be_put_in() -> None:
    """REQ 30: A body without members has no room for a key."""
    for data in ("[]", "{", ["list"]):
        says("takes the key from the member op_id of the body: pass a dict", fault("/body/", data))


class Nonce(Client):
    """Makes each request a new one."""

    def request(self, **request: Any) -> Any:
        return super().request(**{**request, "QUERY_STRING": f"nonce={next(around.numbers)}"})


@right
def test_a_request_that_changes() -> None:
    """REQ 30: A client that adds something new to each request sends no retry."""
    says("idempotency_conflict .422.. Its body, path or query", fault("/default/", client=Nonce()))


@pytest.mark.databases("postgresql", "mariadb")  # on SQLite the handler's transaction would wait for itself
def test_a_write_to_another_database(database: Database) -> None:
    """REQ 30: In mode atomic also the first request writes to the database of its record alone."""
    says(
        "wrote to another database than default.*elsewhere: INSERT.*make_elsewhere",
        fault("/elsewhere/").replace("\n", " "),
    )
    prove("/elsewhere/", ignore_tables=["app_tag"])
    prove("/elsewhere-leased/")


def test_a_table_that_is_ignored() -> None:
    """REQ 30: What is meant to be written each time may be, and nothing else."""
    assert prove("/audit/", ignore_tables=["app_tag"]).status_code == 201
    prove("/audit_elsewhere/", ignore_tables=["app_tag"])
    says("app_tag", fault("/audit/", ignore_tables=["app_effect"]))


@right
def test_mail_that_nobody_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """REQ 30: Where mail cannot be watched, nothing is proved."""
    monkeypatch.delattr(mail, "outbox")
    says("Mail cannot be watched here", fault("/default/"))


@right
def test_an_exception_of_the_view() -> None:
    """REQ 30: It is the test's to see; nothing goes on watching after it."""
    listening = list(request_answered.receivers)
    with pytest.raises(KeyError, match="amount"):
        prove("/default/", {"label": "x"})
    assert all("on_commit" not in vars(each) and not each.execute_wrappers for each in connections.all())
    assert request_answered.receivers == listening


def test_other_clients() -> None:
    """REQ 30: Whatever the client, what is wrong is found."""
    says("wrote to the database", fault("/audit/", client=AsyncClient()))
    with pytest.raises(AssertionError, match="wrote to the database"):
        assert_idempotent(client(), "POST", "/audit/", ORDER, format="json")


def test_all_at_once() -> None:
    """REQ 30: All that is wrong with a retry is told in one message."""
    message = fault("/all/")
    for expected in ("status is 200", "Content-Type is 'text/plain'", "wrote to the database", "sent mail"):
        says(expected, message)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_an_async_view(kind: Any) -> None:
    """REQ 30: What an async view does above its guard is seen as well, from a test of either kind."""
    says("wrote to the database:\n *default: INSERT INTO .app_tag.", fault("/async/", client=kind()))
    with pytest.raises(AssertionError, match="wrote to the database"):
        async_to_sync(aassert_idempotent)(kind(), "POST", "/async/", ORDER, content_type=JSON)
