"""What a key in a header may look like."""

from __future__ import annotations

import pytest

from django_idempotency import BodyField, Derived, Header, IdempotencyPolicy, KeySyntax
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, effects, is_replay, records, send

pytestmark = pytest.mark.databases("sqlite")

STRICT = OPEN.but(syntax=KeySyntax.STRICT)
LITERAL = OPEN.but(syntax=KeySyntax.LITERAL)
LONGEST = OPEN.but(max_length=256)
UUID = "8e03978e-40d5-43dd-bc93-6894a57f9324"
REAL = {
    "uuid": UUID,
    "stripe, which is no valid v4": "f47ac10b-58cc-c372-0567-0e02b2c3d479",
    "stainless": f"stainless-python-retry-{UUID}",
    "svix": f"auto_{UUID}",
    "square": "0123456789abcdef" * 8,
    "one character": "k",
    "255 characters": "k" * 255,
    "spaces inside": "order 17 of 3",
    "all of printable ASCII": "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace(",", ""),
}
MALFORMED = {
    "empty": "",
    "blank": " ",
    "many blanks": "   ",
    "nothing in quotes": '""',
    "a blank in quotes": '" "',
    "one quote": '"',
    "no opening quote": 'a"',
    "no closing quote": '"a',
    "a quote inside": 'a"b',
    "a bare quote in quotes": '"a"b"',
    "a parameter": '"a";p=1',
    "an escaped closing quote": r'"a\"',
    "an escape that is none": r'"a\x"',
    "a comma": "a,b",
    "one key twice": "a, a",
    "a comma in quotes": '"a,b"',
    "NUL": "a\0b",
    "NUL only": "\0",
    "a tab": "a\tb",
    "a line break": "a\nb",
    "a line break at the end": "a\n",
    "DEL": "a\x7f",
    "C1": "a\x85b",
    "Latin-1": "caf\xe9",
    "UTF-8 as it arrives": "日本".encode().decode("latin-1"),
    "a hard space": "\xa0",
    "256 characters": "k" * 256,
    "far too long": "k" * 100_000,
}
# To the letter, quotes are characters like any other.
QUOTES = {name for name, key in MALFORMED.items() if '"' in key and "," not in key}


@pytest.mark.parametrize("policy", [OPEN, LITERAL], ids=["lenient", "literal"])
@pytest.mark.parametrize("key", REAL.values(), ids=REAL)
def test_real_keys_pass(database: Database, site: Site, key: str, policy: IdempotencyPolicy) -> None:
    """REQ 13: the keys that SDKs make are accepted, and hold."""
    client = site(policy)
    assert is_replay(send(client, key=key), send(client, key=key))
    assert effects() == 1


@pytest.mark.parametrize("policy", [OPEN, STRICT], ids=["lenient", "strict"])
@pytest.mark.parametrize("key", MALFORMED.values(), ids=MALFORMED)
def test_malformed_keys_are_refused(
    database: Database, site: Site, key: str, policy: IdempotencyPolicy
) -> None:
    """REQ 9: a malformed key is 400 and never "run unprotected"."""
    response = send(site(policy), key=key)
    assert (response.status_code, code(response)) == (400, "invalid_idempotency_key")
    assert (effects(), records()) == (0, 0)


@pytest.mark.parametrize("name", sorted(set(MALFORMED) - QUOTES))
def test_to_the_letter_still_means_printable(database: Database, site: Site, name: str) -> None:
    """REQ 9: a literal key may hold quotes, and nothing else that is malformed."""
    assert code(send(site(LITERAL), key=MALFORMED[name])) == "invalid_idempotency_key"
    assert (effects(), records()) == (0, 0)


def test_quotes_are_characters_to_the_letter(database: Database, site: Site) -> None:
    """REQ 13: to the letter, a quoted key and a bare one are two keys."""
    client = site(LITERAL)
    for key in ("a", '"a"', '""', '"', r'"\""'):
        assert is_replay(send(client, key=key), send(client, key=key))
    assert effects() == 5


@pytest.mark.parametrize(
    ("quoted", "bare"),
    [(f'"{UUID}"', UUID), (f' "{UUID}" ', UUID), (r'"a\\b"', r"a\b"), ('"a b"', "a b")],
)
def test_quoted_and_bare_are_one_key(database: Database, site: Site, quoted: str, bare: str) -> None:
    """REQ 13: `"uuid"` and `uuid` are the same key, escapes undone."""
    client = site()
    assert is_replay(send(client, key=quoted), send(client, key=bare))
    assert effects() == 1


@pytest.mark.parametrize("key", [f'"{UUID}"', r'"a\\b\"c"', '" a"'])
def test_strict_takes_the_quoted_form(database: Database, site: Site, key: str) -> None:
    """REQ 13: in strict mode a structured-field string is accepted."""
    client = site(STRICT)
    assert is_replay(send(client, key=key), send(client, key=key))


@pytest.mark.parametrize("key", REAL.values(), ids=REAL)
def test_strict_refuses_the_bare_form(database: Database, site: Site, key: str) -> None:
    """REQ 13: in strict mode a bare key is malformed."""
    assert code(send(site(STRICT), key=key)) == "invalid_idempotency_key"
    assert effects() == 0


@pytest.mark.parametrize(("length", "status"), [(15, 400), (16, 201), (128, 201), (129, 400)])
@pytest.mark.parametrize("form", ["{}", '"{}"'])
def test_lengths_are_the_policys(database: Database, site: Site, length: int, status: int, form: str) -> None:
    """REQ 9: too short and too long are 400, counted without the quotes."""
    client = site(OPEN.but(min_length=16, max_length=128))
    assert send(client, key=form.format("k" * length)).status_code == status
    assert effects() == (status == 201)


def test_the_longest_key_fits(database: Database, site: Site) -> None:
    """REQ 13: 256 characters are a key, 257 are not."""
    client = site(LONGEST)
    assert is_replay(send(client, key="k" * 256), send(client, key="k" * 256))
    assert code(send(client, key="k" * 257)) == "invalid_idempotency_key"


@pytest.mark.parametrize(
    ("characters", "good", "bad"),
    [
        ("[A-Za-z0-9-]", UUID, "a_b"),
        ("(?i)[a-f0-9-]", UUID.upper(), "xyz"),
        ("a|b", "abba", "abc"),
        ("[^ ]", "a!b", "a b"),
        (".", "anything goes", "caf\xe9"),
        # More than one character at a time: still judged one by one, and in linear time.
        ("[a-z]+", "k" * 200, "k" * 200 + "!"),
        ("(?:[a-z]*)*", "k" * 200, "k" * 200 + "!"),
    ],
)
def test_characters_are_the_policys(
    database: Database, site: Site, characters: str, good: str, bad: str
) -> None:
    """REQ 9: a policy narrows the alphabet, and no key makes its expression run away."""
    client = site(OPEN.but(characters=characters))
    assert send(client, key=good).status_code == 201
    assert code(send(client, key=bad)) == "invalid_idempotency_key"


def test_a_key_is_optional_unless_required(database: Database, site: Site) -> None:
    """REQ 9: without a key an optional policy runs each request, and records nothing."""
    client = site()
    assert [send(client, key=None).status_code for _ in range(2)] == [201, 201]
    assert (effects(), records()) == (2, 0)


@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ((Header("X-Key"),), "X-Key"),
        ((Header("X-Key"), BodyField("op_id")), "X-Key or op_id"),
        ((Derived(lambda request: None),), "Send an idempotency key,"),
    ],
    ids=["one", "two", "derived"],
)
def test_a_required_key_is_asked_for_by_name(
    database: Database, site: Site, keys: tuple[Header, ...], named: str
) -> None:
    """REQ 14: where a key is required and missing, the refusal says where to put it."""
    response = send(site(OPEN.but(required=True, keys=keys)))
    assert (response.status_code, code(response)) == (400, "idempotency_key_required")
    assert named in response.json()["detail"]
    assert (effects(), records()) == (0, 0)
