"""The commands of `curl` that the pages show, sent, and their answers compared with what is shown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import httpx

from tests.docs.pages import Block

HOST = "http://127.0.0.1:8000"


def conversations(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a block, and what is shown below it."""
    for part in block.text.split("$ ")[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def send(client: httpx.Client, command: str) -> httpx.Response:
    """Send what a command of curl would: a form, by POST, where there is `-d`."""
    name, *words = shlex.split(command)
    assert name == "curl"
    request: dict[str, Any] = {"headers": {}}
    form: list[str] = []
    url = ""
    while words:
        word = words.pop(0)
        if word == "-u":
            user, _, password = words.pop(0).partition(":")
            request["auth"] = (user, password)
        elif word == "-H":
            header, _, value = words.pop(0).partition(": ")
            request["headers"][header] = value
        elif word == "-d":
            form.append(words.pop(0))
        elif word != "-i":
            url = word
    if form:
        request["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
        request["content"] = "&".join(form)
    return client.request("POST" if form else "GET", url.removeprefix(HOST), **request)


def assert_shown(response: httpx.Response, shown: str) -> None:
    """Assert that each line shown is one of the answer, and that a body that is shown is the whole body."""
    head, _, body = shown.partition("\n\n")
    status, *headers = head.splitlines()
    # A status has had more than one name.
    assert status.split()[:2] == ["HTTP/1.1", str(response.status_code)], response.text
    for line in headers:
        name, _, value = line.partition(": ")
        assert response.headers[name] == value
    if body.strip() and "\n" in body.strip():
        assert json.loads(body) == response.json()
    elif body.strip():
        assert body.strip() == response.text
