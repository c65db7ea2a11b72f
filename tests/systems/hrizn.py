"""hrizn's twelve POST endpoints, as a stranger knows them: path, body, and where it shows how often one happened."""

from __future__ import annotations

import json
import uuid
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import httpx

from tests.systems.live import TIMEOUT, Caller, Live

PUBLIC = "/hrizn/v1/public"
IDEACLOUDS = f"{PUBLIC}/ideaclouds"
CONTENT = f"{PUBLIC}/content"
INVENTORY = f"{PUBLIC}/inventory"
DESCRIPTIONS = f"{INVENTORY}/descriptions"
LISTS = (IDEACLOUDS, CONTENT, DESCRIPTIONS)

CONFLICT = {
    "error": {
        "code": "idempotency_conflict",
        "message": "Idempotency key reused with different parameters",
    }
}

# A batch of the tests has this many.
BATCH = 3


def post(
    caller: Caller, path: str, body: Any = None, key: str | None = None, fault: str | None = None
) -> httpx.Response:
    """Send a POST, with a key or without."""
    headers = None if key is None else {"X-Idempotency-Key": key}
    return caller.send("POST", path, body, headers=headers, fault=fault)


def raw_post(live: Live, path: str, body: Any, keys: list[bytes]) -> httpx.Response:
    """Send a POST with any bytes for a key, or with several lines of keys: what httpx is too careful to send."""
    content = json.dumps(body).encode()
    with closing(HTTPConnection(live.url.removeprefix("http://"), timeout=TIMEOUT)) as connection:
        connection.putrequest("POST", path)
        connection.putheader("Authorization", "Bearer acme-key-1")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", len(content))
        for key in keys:
            connection.putheader("X-Idempotency-Key", key)
        connection.endheaders(content)
        answer = connection.getresponse()
        return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Hold an error's body to its form, and tell status and code."""
    body = answer.json()
    assert set(body) == {"error"}
    error = body["error"]
    assert set(error) == {"code", "message"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return answer.status_code, error["code"]


def make_content(caller: Caller) -> str:
    """Make a content item, and tell its path."""
    made = post(caller, CONTENT, {"title": "Made for its path"})
    assert made.status_code == 201, made.text
    return f"{CONTENT}/{made.json()['id']}"


def new_vin() -> str:
    return uuid.uuid4().hex[:17].upper()


class Desk:
    """One endpoint as one caller uses it from now on, its path's argument filled in."""

    def __init__(self, endpoint: Endpoint, caller: Caller) -> None:
        content = make_content(caller) if "{content}" in endpoint.path else ""
        self.endpoint = endpoint
        self.caller = caller
        self.path = endpoint.path.format(content=content, vin=new_vin())
        self.shown = (endpoint.shown, "count") if endpoint.shown in LISTS else (content, endpoint.shown)
        self.before = self.count()

    def post(self, number: int = 1, key: str | None = None, fault: str | None = None) -> httpx.Response:
        """Send the body of that number."""
        return post(self.caller, self.path, self.endpoint.body(number), key, fault)

    def count(self) -> int:
        """Read what the API shows."""
        path, member = self.shown
        return int(self.caller.get(path)[member])

    def times(self) -> int:
        """Tell how often it has happened, and that no batch was made in part."""
        times, rest = divmod(self.count() - self.before, BATCH if self.endpoint.is_batch else 1)
        assert rest == 0
        return times


@dataclass(frozen=True)
class Endpoint:
    """One POST. Its path is relative to where the API is; ``{content}`` is the path of an item."""

    path: str
    # The field that its body needs, if any.
    field: str | None = None
    # Where it shows how often it happened: the length of a list, or a counter of the item that the path names.
    shown: str = CONTENT

    def __str__(self) -> str:
        return self.path.rpartition("public/")[2].replace("{content}", "content/{id}")

    @property
    def is_batch(self) -> bool:
        return self.path.endswith("/batch")

    @property
    def names_something(self) -> bool:
        """Whether its path has an argument."""
        return "{" in self.path

    def body(self, number: int) -> dict[str, Any]:
        """A valid body, a different one for each number; "note" is a field that hrizn does not know."""
        one: dict[str, Any] = {} if self.field is None else {self.field: f"{self.field} {number}"}
        return {"items": [one] * BATCH} if self.is_batch else {**one, "note": f"Note {number}"}

    def at(self, caller: Caller) -> Desk:
        """Go there; what its path names is made on the way."""
        return Desk(self, caller)


IDEACLOUD = Endpoint(IDEACLOUDS, "keyword", shown=IDEACLOUDS)
ARTICLE = Endpoint(CONTENT, "title")
ARTICLE_BATCH = Endpoint(f"{CONTENT}/batch", "title")
GENERATE = Endpoint("{content}/generate", shown="generations")
DESCRIPTION = Endpoint(f"{INVENTORY}/{{vin}}/description", shown=DESCRIPTIONS)

ENDPOINTS = (
    IDEACLOUD,
    Endpoint(f"{IDEACLOUDS}/batch", "keyword", shown=IDEACLOUDS),
    ARTICLE,
    ARTICLE_BATCH,
    GENERATE,
    Endpoint(f"{CONTENT}/comparison", "title"),
    Endpoint(f"{CONTENT}/model-landing", "title"),
    Endpoint(f"{CONTENT}/sales-event", "title"),
    Endpoint("{content}/compliance", shown="compliance_checks"),
    Endpoint("{content}/content-tools", shown="content_tools"),
    DESCRIPTION,
    Endpoint(f"{DESCRIPTIONS}/batch", "vin", shown=DESCRIPTIONS),
)
# One of each sort: a single thing, several, a counter, an argument in the path that names nothing yet.
SOME = (IDEACLOUD, ARTICLE_BATCH, GENERATE, DESCRIPTION)
