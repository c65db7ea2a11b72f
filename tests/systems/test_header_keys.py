"""What may stand in the header of a key, sent as bytes that no client's library would send; FirstHand's stands for all."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse

import pytest

from tests.systems.firsthand import CREATE_WEBHOOK, INVALID_KEY, KEY_REQUIRED, Post
from tests.systems.live import Live, new_key

PRINTABLE = bytes(range(0x21, 0x7F)).replace(b",", b"")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, json.loads(self.body)["error"]["type"]

    @property
    def replayed(self) -> bool:
        return self.headers["Idempotent-Replayed"] == "true"


def send(live: Live, *lines: bytes) -> Answer:
    """Make a webhook endpoint, with these lines among the headers as they are."""
    body = json.dumps(CREATE_WEBHOOK.body).encode()
    host, port = live.url.removeprefix("http://").split(":")
    head = (
        f"POST {CREATE_WEBHOOK.path} HTTP/1.1".encode(),
        f"Host: {host}:{port}".encode(),
        b"Authorization: Bearer acme-key-1",
        b"Content-Type: application/json",
        f"Content-Length: {len(body)}".encode(),
        b"Connection: close",
        *lines,
    )
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
        response = HTTPResponse(connection)
        response.begin()
        return Answer(response.status, response.headers, response.read())


def line(key: bytes) -> bytes:
    return b"Idempotency-Key: " + key


def unique(text: bytes) -> bytes:
    """A text that no other test has sent as a key."""
    return text.replace(b"?", new_key().encode())


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"   ",
        b"\t",
        b"a,b",
        b",",
        b"a\tb",
        b"x" * 256,
        b"x" * 5000,
        "clé".encode(),
        "clé".encode("latin-1"),
        "ключ".encode(),
        "🔑".encode(),
        b"a\xa0b",
        b"\xff",
    ],
    ids=lambda key: repr(key)[:20],
)
def test_a_bad_key(live: Live, key: bytes) -> None:
    """SYSTEMS: length 1-255; "a comma is 400 …, as are an empty, blank or non-ASCII one"; `invalid_idempotency_key`."""
    post = Post(live.acme, CREATE_WEBHOOK)
    assert send(live, line(key)).refusal == INVALID_KEY
    assert post.happened() == 0


@pytest.mark.parametrize(
    "keys", [(b"a?", b"b?"), (b"a?", b"a?"), (b"a?", b"")], ids=["two", "equal", "empty"]
)
def test_two_lines(live: Live, keys: tuple[bytes, ...]) -> None:
    """SYSTEMS: a comma "cannot be told from two header lines", so both are 400."""
    post = Post(live.acme, CREATE_WEBHOOK)
    assert send(live, *(line(key) for key in keys)).refusal == INVALID_KEY
    assert post.happened() == 0


@pytest.mark.parametrize("code", [*range(9), *range(10, 32), 0x7F], ids=hex)
def test_a_control_byte(live: Live, code: int) -> None:
    """SYSTEMS: "Control bytes may be refused by the HTTP server itself"; refused they are, and nothing is done."""
    post = Post(live.acme, CREATE_WEBHOOK)
    assert send(live, line(unique(b"a%c?" % code))).status == 400
    assert post.happened() == 0


@pytest.mark.parametrize(
    "key",
    [
        PRINTABLE,
        b"x",
        b"x" * 255,
        b'"?"',
        b'"?',
        b"?'",
        b"\\?",
        b"a ?",
        b"a  ?",
        b"%2C?",
        b"<?>;=",
        b"null",
        b"0",
    ],
    ids=lambda key: repr(key)[:20],
)
def test_a_good_key(live: Live, key: bytes) -> None:
    """SYSTEMS: length 1-255; "0x21-0x7E and inner spaces are allowed", quotes included."""
    post, key = Post(live.acme, CREATE_WEBHOOK), unique(key)
    first, retry = send(live, line(key)), send(live, line(key))
    assert (first.status, first.replayed) == (201, False)
    assert (retry.status, retry.replayed, retry.body) == (201, True, first.body)
    assert post.happened() == 1


def test_keys_are_literal(live: Live) -> None:
    """SYSTEMS: "The header is taken literally, quotes included": keys that differ at all are different keys."""
    post, name = Post(live.acme, CREATE_WEBHOOK), new_key().encode()
    keys = [
        b"k" + name + end for end in (b"", b'"', b"'", b"\\", b"a", b"A", b" a", b"  a", b"0", b"00", b"%20")
    ]
    keys += [b'"' + keys[0] + b'"', b"K" + name, b"'" + keys[0] + b"'", b"k" + name.upper()]
    assert len(set(keys)) == len(keys)
    assert [send(live, line(key)).replayed for key in keys] == [False] * len(keys)
    assert [send(live, line(key)).replayed for key in keys] == [True] * len(keys)
    assert post.happened() == len(keys)


def test_white_space_around_a_key(live: Live) -> None:
    """HTTP: white space around a header's value is not part of it, and the case of its name does not matter."""
    post, key = Post(live.acme, CREATE_WEBHOOK), new_key().encode()
    assert send(live, line(key)).status == 201
    for same in (b"Idempotency-Key:" + key, line(b"  " + key + b" \t"), b"iDEMPOTENCY-kEY: " + key):
        assert send(live, same).replayed
    assert post.happened() == 1


def test_an_underscore(live: Live) -> None:
    """`Idempotency_Key` is another header, which means nothing: alone it is no key, beside a key it changes nothing."""
    post, key = Post(live.acme, CREATE_WEBHOOK), new_key().encode()
    other = b"Idempotency_Key: " + new_key().encode()
    assert send(live, other).refusal == KEY_REQUIRED
    assert send(live, other, line(key)).status == 201
    assert send(live, line(key), b"Idempotency_Key: " + new_key().encode()).replayed
    assert post.happened() == 1
