"""Where a key may travel: headers, body fields, and keys that are derived from the request."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest

from django_idempotency import BodyField, Derived, Header
from django_idempotency.models import IdempotencyRecord
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, effects, is_replay, records, send

pytestmark = pytest.mark.databases("sqlite")

FORM = "application/x-www-form-urlencoded"
HEADERS = OPEN.but(keys=(Header("Idempotency-Key"), Header("X-Idempotency-Key")))
FIELD = OPEN.but(keys=(BodyField("op_id"),))
BOTH = OPEN.but(keys=(Header("Idempotency-Key"), BodyField("op_id")))
BAD_FIELDS = [None, 17, 1.5, True, [], ["a"], {}, {"a": "b"}, "", " ", "k" * 256, "caf\xe9", "a\0", "\ud800"]


def test_any_header_of_the_list_will_do(database: Database, site: Site) -> None:
    """REQ 14: one key, whichever of the headers it came in, in any case of letters."""
    client = site(HEADERS)
    first = send(client)
    assert is_replay(first, send(client, key=None, headers={"X-Idempotency-Key": "k"}))
    assert is_replay(first, send(client, key=None, headers={"x-idempotency-KEY": '"k"'}))
    assert is_replay(first, send(client, headers={"X-Idempotency-Key": "k"}))
    assert effects() == 1


@pytest.mark.parametrize("other", ["l", "K", "k ", "", '"', "k,k"])
def test_two_headers_that_differ_are_refused(database: Database, site: Site, other: str) -> None:
    """REQ 14: two keys that are present and different are 400; so is a good one beside a malformed one."""
    client = site(HEADERS)
    assert code(send(client, headers={"X-Idempotency-Key": other})) == "invalid_idempotency_key"
    assert code(send(client, key=other, headers={"X-Idempotency-Key": "k"})) == "invalid_idempotency_key"
    assert (effects(), records()) == (0, 0)


def test_another_header_means_nothing(database: Database, site: Site) -> None:
    """REQ 14: a header that the policy does not name is no key."""
    client = site()
    assert [send(client, key=None, headers={"X-Idempotency-Key": "k"}).status_code for _ in range(2)] == [
        201,
        201,
    ]
    assert (effects(), records()) == (2, 0)


@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
@pytest.mark.parametrize(
    ("content", "content_type"),
    [('{"op_id": "k"}', "application/json"), (urlencode({"op_id": "k"}), FORM)],
    ids=["json", "form"],
)
def test_a_body_field_is_a_key(
    database: Database, site: Site, content: str, content_type: str, drf: bool
) -> None:
    """REQ 14: a member of a JSON body, or of a form, is a key."""
    client = site(FIELD, drf=drf)
    first, second = (send(client, content, key=None, content_type=content_type) for _ in range(2))
    assert is_replay(first, second)
    assert effects() == 1


@pytest.mark.parametrize("value", BAD_FIELDS, ids=repr)
def test_a_body_field_must_be_a_good_key(database: Database, site: Site, value: Any) -> None:
    """REQ 9: null, a number, a list, or a malformed text in the key's place is 400, never "no key"."""
    response = send(site(FIELD), {"op_id": value}, key=None)
    assert (response.status_code, code(response)) == (400, "invalid_idempotency_key")
    assert (effects(), records()) == (0, 0)


@pytest.mark.parametrize(
    "body", [{}, {"OP_ID": "k"}, {"nested": {"op_id": "k"}}, ["op_id"], "op_id", 1, None]
)
def test_a_body_without_the_field_has_no_key(database: Database, site: Site, body: Any) -> None:
    """REQ 14: only a member of the body itself is the key."""
    assert send(site(FIELD), b"null" if body is None else body, key=None).status_code == 201
    assert records() == 0
    assert code(send(site(FIELD.but(required=True)), body, key=None)) == "idempotency_key_required"
    assert effects() == 1


def test_a_body_field_is_taken_to_the_letter(database: Database, site: Site) -> None:
    """REQ 13: quotes, commas and spaces at the ends of a body field belong to the key."""
    client = site(FIELD)
    keys = ["k", '"k"', "k,k", "k ", " k", "K", '"', "k;"]
    for key in keys:
        assert is_replay(send(client, {"op_id": key}, key=None), send(client, {"op_id": key}, key=None))
    assert effects() == len(keys)


@pytest.mark.parametrize(
    ("pairs", "status"),
    [
        ([("op_id", "k"), ("op_id", "k")], 201),
        ([("op_id", "k"), ("op_id", "l")], 400),
        ([("op_id", "")], 400),
    ],
)
def test_a_form_may_name_its_key_once(
    database: Database, site: Site, pairs: list[tuple[str, str]], status: int
) -> None:
    """REQ 14: a form with two different keys is 400, though a form shows its last one only."""
    response = send(site(FIELD), urlencode(pairs), key=None, content_type=FORM)
    assert response.status_code == status
    assert effects() == (status == 201)


def test_a_file_is_no_key(database: Database, site: Site) -> None:
    """REQ 9: an upload in the key's place is 400."""
    response = site(FIELD).post("/", {"op_id": SimpleUploadedFile("k", b"k")})
    assert code(response) == "invalid_idempotency_key"
    assert effects() == 0


def test_json_names_that_repeat_count_as_the_view_sees_them(database: Database, site: Site) -> None:
    """REQ 14: of two members of one name the last one is what every view sees, and is the key."""
    client = site(FIELD)
    first = send(client, '{"op_id": "k"}', key=None)
    assert is_replay(first, send(client, '{"op_id": "x", "op_id": "k"}', key=None))
    assert effects() == 1


def test_header_and_body_may_agree(database: Database, site: Site) -> None:
    """REQ 14: the same key in header and body is one key; two different ones are 400."""
    client = site(BOTH)
    first = send(client, {"op_id": "k"})
    assert is_replay(first, send(client, {"op_id": "k"}, key=None))
    for header, field in [("l", "k"), ("k", "l"), ("k", None), ("", "k"), ("k", "")]:
        assert code(send(client, {"op_id": field}, key=header)) == "invalid_idempotency_key"
    assert effects() == 1


@pytest.mark.parametrize("text", ["url|intent", "x" * 10_000, "日本", "\ud800", ""])
def test_a_derived_key_may_be_any_text(database: Database, site: Site, text: str) -> None:
    """REQ 14: a key is derived from the request where none was sent; its text may be anything."""
    client = site(OPEN.but(keys=(Header("Idempotency-Key"), Derived(lambda request: text))))
    assert is_replay(send(client, key=None), send(client, key=None))
    assert effects() == 1


def test_a_sent_key_comes_before_a_derived_one(database: Database, site: Site) -> None:
    """REQ 14: a client that sends a key gets its own operation, wherever the derived source stands."""
    client = site(OPEN.but(keys=(Derived(_first_letter), Header("Idempotency-Key"))))
    assert is_replay(send(client, b"ab", key=None), send(client, b"ab", key=None))
    assert is_replay(send(client, b"ab", key="k"), send(client, b"ab", key="k"))
    assert code(send(client, b"ac", key=None)) == "idempotency_conflict"
    assert effects() == 2


def test_a_derived_key_may_replay_unmarked(database: Database, site: Site) -> None:
    """REQ 15: a client that sent no key need not be told of replays; one that sent a key is."""
    client = site(OPEN.but(keys=(Header("Idempotency-Key"), Derived(_first_letter, marked=False))))
    first, second = (send(client, b"ab", key=None) for _ in range(2))
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert "Idempotent-Replayed" not in second.headers
    assert is_replay(send(client, b"ab", key="k"), send(client, b"ab", key="k"))
    assert effects() == 2


def test_nothing_derived_is_no_key(database: Database, site: Site) -> None:
    """REQ 14: a function that derives nothing leaves the request without a key."""
    client = site(OPEN.but(keys=(Derived(lambda request: None),)))
    assert [send(client).status_code for _ in range(2)] == [201, 201]
    assert (effects(), records()) == (2, 0)


def _first_letter(request: HttpRequest) -> str:
    return chr(request.body[0])


def test_nobody_can_send_a_derived_key(database: Database, site: Site) -> None:
    """REQ 4, 14: a key that a client sends is never the one that another request derives."""
    client = site(OPEN.but(keys=(Header("Idempotency-Key"), Derived(_first_letter))))
    assert send(client, b"ab", key=None).status_code == 201
    derived = IdempotencyRecord.objects.get().key
    assert code(send(client, b"ab", key=derived)) == "invalid_idempotency_key"
    assert effects() == 1
