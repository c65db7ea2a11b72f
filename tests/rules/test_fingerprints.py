"""What "the same request" means for JSON: properties, against a meaning that is written down independently."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from fractions import Fraction
from math import inf
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_idempotency import fingerprints
from django_idempotency.fingerprints import Match
from django_idempotency.http import HttpCall
from django_idempotency.mixins import IdempotencyMixin
from tests.app.models import Effect
from tests.rig import Database
from tests.rules.parts import OPEN, Site, code, effects, is_replay, send

# Few letters and few numbers, so that equal and nearly equal values are often drawn; surrogates stand alone.
TEXTS = st.text(st.sampled_from("ab:;{[s1\0\ud800\udc00é"), max_size=4) | st.text(max_size=4)
NUMBERS = (
    st.integers(-2, 2)
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([2**53, 2**53 + 1, 2.0**53, 1e22, 10**22, -0.0, 0.1, 1e400, -1e400])
    | st.floats(allow_nan=False)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def meaning(value: Any) -> Any:
    """What a JSON value says, so that `==` is exactly "the same"."""
    if value is None or isinstance(value, bool):
        return ("constant", repr(value))
    if isinstance(value, int | float):
        return ("number", repr(value) if value in (inf, -inf) else Fraction(value))
    if isinstance(value, str):
        return ("text", value)
    if isinstance(value, list):
        return ("list", tuple(meaning(item) for item in value))
    return ("object", frozenset((name, meaning(item)) for name, item in value.items()))


def restated(value: Any, chance: random.Random) -> Any:
    """The same value, said otherwise: members in another order, whole numbers with a point."""
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: restated(value[name], chance) for name in names}
    if isinstance(value, list):
        return [restated(item, chance) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53:
        return chance.choice([value, float(value)])
    return value


def call(content: bytes | str) -> HttpCall:
    request = RequestFactory().generic("POST", "/", content, "application/json")
    return HttpCall(request, OPEN, HttpResponse)


def same(first: bytes | str, second: bytes | str) -> bool:
    stored, current = (fingerprints.take(call(content)).fingerprint for content in (first, second))
    return fingerprints.compare(stored, current, call(second)) is Match.SAME


@given(VALUES, VALUES)
@example({"a": 1}, {"a": True})
@example({"a": None}, {})
@example({"a": 0}, {"a": False})
@example([1, 2], [2, 1])
@example([[1], 2], [[1, 2]])
@example(["a", "sb"], ["as", "b"])
@example({"a": "sb"}, {"as": "b"})
@example(["a1:", "b"], ["a", "1:b"])
@example({"a": "b"}, ["a", "b"])
@example("1", 1)
@example(2**53, 2**53 + 1)
@example(2.0**53, 2**53 + 1)
@example(10**400, 10**400 + 1)
@example("\ud800", "\udc00")
@example(None, "None")
@settings(deadline=None, max_examples=1000)
def test_two_bodies_are_the_same_if_they_say_the_same(first: Any, second: Any) -> None:
    """REQ 7: equal data and only equal data is the same request: no two different values ever pass for one."""
    assert same(json.dumps(first), json.dumps(second)) == (meaning(first) == meaning(second))


@given(VALUES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_how_it_is_said_does_not_matter(value: Any, chance: random.Random) -> None:
    """REQ 7: member order, white space, escapes, and 1 for 1.0 do not matter, at any depth."""
    again = json.dumps(restated(value, chance), indent=chance.choice([None, 0, 3]))
    assert same(json.dumps(value, separators=(",", ":")), f" \r\n\t{again}\n")


@given(st.dictionaries(TEXTS, SCALARS, min_size=1, max_size=4), st.data())
@settings(deadline=None)
def test_each_member_matters(body: dict[str, Any], data: st.DataObject) -> None:
    """REQ 7: a member that is missing, null, renamed or wrapped in a list makes another request."""
    name = data.draw(st.sampled_from(sorted(body)))
    rest = {other: value for other, value in body.items() if other != name}
    changed = [rest, {**rest, name: [body[name]]}, {**rest, f"{name}~": body[name]}]
    if body[name] is not None:
        changed.append({**rest, name: None})
    assert not any(same(json.dumps(body), json.dumps(other)) for other in changed)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ('{"a": NaN}', '{"a":NaN}', True),
        ('{"a": NaN}', '{"a": null}', False),
        ('{"a": Infinity}', '{"a": 1e999}', True),
        ('{"a": Infinity}', '{"a": -Infinity}', False),
        ('{"a": "Infinity"}', '{"a": Infinity}', False),
        ('"\\u00e9"', '"é"', True),
        ('"\\ud83d\\ude00"', '"😀"', True),
        ('{"a": 1, "a": 2}', '{"a": 2}', True),
        ('{"a": 1, "a": 2}', '{"a": 1}', False),
        ("1" * 4000, "1" * 3999 + "2", False),
        # Python refuses to read so many digits, so the bytes themselves are compared.
        ("1" * 5000, "1" * 5000, True),
        ("1" * 5000, "1" * 4999 + "2", False),
        ("{broken", "{broken", True),
        ("{broken", "{ broken", False),
        ("", "{}", False),
    ],
)
def test_oddities(first: str, second: str, expected: bool) -> None:
    """REQ 7: what no standard allows and parsers accept has a meaning too; what they refuse is taken as bytes."""
    assert same(first.encode(), second.encode()) is expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be"])
def test_the_encoding_does_not_matter(encoding: str) -> None:
    """REQ 7: JSON in another encoding says the same, as it does to a view."""
    assert same('{"a": "é"}', '{"a":"é"}'.encode(encoding))


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("drf", [False, True], ids=["django", "drf"])
def test_a_retry_may_be_written_anew(database: Database, site: Site, drf: bool) -> None:
    """REQ 7: over HTTP, a body that says the same is a replay, and one that does not is refused."""
    client = site(drf=drf)
    first = send(client, '{"a": 1, "b": [1.0, "\\u00e9"]}')
    assert is_replay(first, send(client, '{"b":[1,"é"],"a":1.0}'))
    for other in ('{"a": true, "b": [1, "é"]}', '{"a": 1, "b": ["é", 1]}', '{"a": 1}', "[]"):
        assert code(send(client, other)) == "idempotency_conflict"
    assert effects() == 1


class DecimalParser(JSONParser):
    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return json.loads(stream.read(), parse_float=Decimal)


class Exact(IdempotencyMixin, APIView):
    idempotency_policy = OPEN
    parser_classes = (DecimalParser,)

    def post(self, request: Request, rest: str = "") -> Response:
        return Response({"id": Effect.objects.create(label="x").pk}, status=201)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1.50", "1.5", True),
        ("1.0", "1", True),
        ("-0.0", "0", True),
        ("1E+2", "100", True),
        ("0." + "1" * 40, "0." + "1" * 39 + "2", False),
        ("1." + "0" * 60 + "1", "1." + "0" * 60 + "2", False),
        ("1e-500", "2e-500", False),
        ("1e999999", "2e999999", False),
    ],
)
def test_decimals_are_exact(database: Database, site: Site, first: str, second: str, expected: bool) -> None:
    """REQ 7: a parser that keeps every digit has every digit compared."""
    client = site(None, Exact.as_view())
    answer, retry = send(client, f"[{first}]"), send(client, f"[{second}]")
    assert is_replay(answer, retry) is expected
    assert effects() == 1
