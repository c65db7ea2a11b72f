"""REQ 30: What else a project asks of an endpoint, and does not get."""

from __future__ import annotations

import pytest
from django.test import Client

from django_idempotency import Mismatch
from tests.faces.parts import user
from tests.testing import around, desk, wrong
from tests.testing.desk import ORDER, OTHER, POLICY, REQUIRED, mask, prove
from tests.testing.verdicts import fault, says

pytestmark = [pytest.mark.urls(wrong.__name__), pytest.mark.usefixtures("database")]
right = pytest.mark.urls(desk.__name__)


def test_a_value_that_changes() -> None:
    """REQ 30: What the test itself counts is compared, also where it is one list that grows."""
    around.calls.clear()
    says(
        r"The retry changed what unchanged= tells: \['call'\] before, \['call', 'call'\] after",
        fault("/count_call/", unchanged=lambda: around.calls),
    )


@right
def test_redaction() -> None:
    """REQ 30: The retry has what the redaction makes of the first body, and nothing else."""
    says(r"should be b'\{.*4242'", fault("/default/", redacted=lambda body: body + b"4242"))
    says(r"should be b'x'", fault("/card/", redacted=lambda body: b"x"))
    says("should be .*4242", fault("/card/"))
    prove("/card/", redacted=mask)


@right
def test_what_was_kept_after_all() -> None:
    """REQ 30: A response that is kept is not unavailable."""
    says(r"as replayed \(201\). The response was kept after all", fault("/default/", unavailable=True))


def test_unavailable_in_a_format_of_its_own() -> None:
    """REQ 30: A refusal has the status and the headers of the policy, whatever renders it."""
    message = fault("/own-format-large/", unavailable=True)
    says("status is 400, and should be 409. The renderer", message)
    says("Location is '/help/', and the first one's '/x/'", message)
    says("The retry says Idempotent-Replayed: true, and should say nothing", message)


def test_a_key_that_is_optional() -> None:
    """REQ 30: A request without a key that runs is found, where one is asked for or the policy promises to refuse it."""
    for options in ({"key_required": True}, {"policy": REQUIRED}):
        message = fault("/large/", unavailable=True, **options)
        says(
            r"without a key was answered 200 \(unguarded\), and should be refused. Write .*required=True",
            message,
        )
        says("The request without a key wrote to the database", message)
        says("The request without a key sent mail", message)


def test_a_refusal_that_leaves_something() -> None:
    """REQ 30: What is refused leaves nothing either, whether for its body or for want of a key."""
    says("The request with another body wrote to the database", fault("/audit_others/", other_data=OTHER))
    says("The request without a key wrote to the database", fault("/audit_required/"))


@right
def test_another_body() -> None:
    """REQ 30: Another body is answered as the policy says, or the message says how it was."""
    says(r"answered 201 \(replayed\).* refused with 422", fault("/replay/", other_data=OTHER, policy=POLICY))
    says(
        "should be refused with 409. Only amount count",
        fault("/amount/", other_data={**ORDER, "label": "pen"}),
    )
    other = {"policy": POLICY.but(on_mismatch=Mismatch.REPLAY), "other_data": OTHER}
    says(r"answered 422 \(idempotency_conflict\).* should get the first answer", fault("/default/", **other))
    other["policy"] = POLICY.but(on_mismatch=Mismatch.VALIDATE)
    says("422.* should be refused by the view's validate_replay", fault("/default/", **other))
    says(
        "answered 422.* refused with 409. The renderer",
        fault("/default/", other_data=OTHER, policy=POLICY.but(mismatch_status=409)),
    )


def test_another_body_in_other_places() -> None:
    """REQ 30: A renderer that chooses its status, and a key that is derived of the body, are found out."""
    says("answered 400 .*refused with 422. The renderer", fault("/own-format/", other_data=OTHER))
    says("answered 201 .executed.*Its key was derived from it", fault("/by-body/", other_data=OTHER))


def test_another_caller() -> None:
    """REQ 30: Two callers who share a record are found, also where the guard stands above what asks who is calling."""
    says(
        r"Another caller .* answered 201 \(replayed\), and should have a record of its own or be refused. Let the scope",
        fault("/own-format/", other_client=Client()),
    )
    ann, bob = (Client(headers={"X-Caller": name}) for name in ("ann", "bob"))
    says(
        "Another caller changed a record",
        fault("/touch_by_caller/", client=ann, other_client=bob, ignore_tables=["idempotency_record"]),
    )


def test_a_guard_above_the_login() -> None:
    """REQ 30: A decorator in the wrong place hands the first answer to somebody who is not logged in."""
    ann = Client()
    ann.force_login(user("ann"))
    says(
        "a record of its own.*below what asks who is calling",
        fault("/above-login/", client=ann, other_client=Client()),
    )
    prove("/login/", client=ann, other_client=Client())


def test_an_answer_for_another_caller() -> None:
    """REQ 30: An answer that did not come through the guard is no proof that two callers are kept apart."""
    bob = Client(headers={"X-Caller": "bob"})
    says(r"was answered 200 \(unguarded\), and should have", fault("/cached/", other_client=bob))


def test_what_cannot_be_meant() -> None:
    """REQ 30: A redirect that is followed is another request, and one text is not several tables."""
    with pytest.raises(TypeError, match="another request"):
        prove("/audit/", follow=True)
    with pytest.raises(TypeError, match=r"write \['app_tag'\]"):
        prove("/audit/", ignore_tables="app_tag")
