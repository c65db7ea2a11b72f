"""What hrizn's endpoints take, make and show."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.systems.hrizn import (
    CONTENT,
    DESCRIPTIONS,
    ENDPOINTS,
    IDEACLOUD,
    IDEACLOUDS,
    INVENTORY,
    LISTS,
    PUBLIC,
    Endpoint,
    error_of,
    make_content,
    new_vin,
    post,
)
from tests.systems.live import Live, assert_replay, new_key

on_all = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
ACTIONS = {"generate": "generations", "compliance": "compliance_checks", "content-tools": "content_tools"}
BATCHES = [
    pytest.param(IDEACLOUDS, "keyword", 25, id="ideaclouds"),
    pytest.param(CONTENT, "title", 10, id="content"),
    pytest.param(DESCRIPTIONS, "vin", 25, id="descriptions"),
]


def test_seed_example(live: Live) -> None:
    """Seed: the request of "How it works", with `X-API-Key` and `X-Idempotency-Key`, sent twice."""
    headers = {
        # Of an organization that has not used the page's key elsewhere.
        "X-API-Key": "globex-key-1",
        "X-Idempotency-Key": "create-ideacloud-2026-02-10-crv-review",
        "Content-Type": "application/json",
    }
    body = b'{ "keyword": "2026 Chevrolet Equinox EV range" }'
    before, client = live.globex.count(IDEACLOUDS), live.caller(None)

    first, second = (client.send("POST", IDEACLOUDS, body, headers=headers) for _ in range(2))

    assert (first.status_code, first.json()["keyword"]) == (201, "2026 Chevrolet Equinox EV range")
    assert_replay(second, first)
    assert live.globex.count(IDEACLOUDS) == before + 1


@pytest.mark.parametrize(
    ("path", "sent", "of_list"),
    [
        ("/ideaclouds", {"keyword": "EV range"}, IDEACLOUDS),
        ("/content", {"title": "Spring on the road"}, CONTENT),
        ("/content/comparison", {"title": "This or that"}, CONTENT),
        ("/content/model-landing", {"title": "The new one"}, CONTENT),
        ("/content/sales-event", {"title": "Everything must go"}, CONTENT),
        ("/inventory/1G1YY22G965104378/description", {}, DESCRIPTIONS),
    ],
)
def test_made(live: Live, path: str, sent: dict[str, Any], of_list: str) -> None:
    """SYSTEMS: 201; "IDs are strings"; an item of the list "looks like its detail and repeats the fields"."""
    before = live.acme.count(of_list)

    answer = post(live.acme, f"{PUBLIC}{path}", sent, new_key())

    made = answer.json()
    assert answer.status_code == 201
    assert isinstance(made["id"], str)
    assert answer.headers["Location"] == f"{of_list}/{made['id']}"
    assert made == made | (sent or {"vin": "1G1YY22G965104378"})
    assert live.acme.get(answer.headers["Location"]) == made
    shown = live.acme.get(of_list)
    assert shown["count"] == before + 1
    assert [item for item in shown["results"] if item["id"] == made["id"]] == [made]


def test_kinds(live: Live) -> None:
    """SYSTEMS: one list, `/content`, for what the five endpoints make; each item says of which kind it is."""
    kinds = {
        "": "article",
        "/comparison": "comparison",
        "/model-landing": "model-landing",
        "/sales-event": "sales-event",
    }

    made = {
        post(live.acme, f"{CONTENT}{path}", {"title": "One", "kind": "other"}).json()["id"]: kind
        for path, kind in kinds.items()
    }
    batch = post(live.acme, f"{CONTENT}/batch", {"items": [{"title": "One"}]}).json()["results"]
    made |= {item["id"]: "article" for item in batch}

    shown = {item["id"]: item["kind"] for item in live.acme.get(CONTENT)["results"]}
    assert len(made) == 5
    assert made.items() <= shown.items()


@pytest.mark.parametrize(("path", "field", "limit"), BATCHES)
def test_batch(live: Live, path: str, field: str, limit: int) -> None:
    """SYSTEMS: a batch is "one request ... → `{"count", "results"}`"; seed: "up to 25", "up to 10"."""
    values, before, key = [f"Value {number}" for number in range(limit)], live.acme.count(path), new_key()
    body = {"items": [{field: value} for value in values]}

    answer = post(live.acme, f"{path}/batch", body, key)

    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == {"count", "results"}
    assert made["count"] == limit
    assert [item[field] for item in made["results"]] == values
    shown = {item["id"]: item for item in live.acme.get(path)["results"]}
    assert len(shown) == before + limit
    assert all(shown[item["id"]] == item for item in made["results"])
    assert live.acme.get(f"{path}/{made['results'][-1]['id']}") == made["results"][-1]
    # Its order is part of a batch.
    assert post(live.acme, f"{path}/batch", {"items": body["items"][::-1]}, key).status_code == 409


@pytest.mark.parametrize(("path", "field", "limit"), BATCHES)
def test_bad_batch(live: Live, path: str, field: str, limit: int) -> None:
    """SYSTEMS: "all or nothing"; "over the limit 400, nothing made"; the key stays free for a corrected batch."""
    before, key, good = live.acme.count(path), new_key(), {field: "Good"}
    bad_items: list[Any] = [
        [good] * (limit + 1),
        [],
        [good, {}],
        [good, {field: ""}, good],
        [good, {field: None}],
        [good, {field: ["Good"]}],
        [good, "Good"],
        {"0": good},
        "Good",
        None,
    ]

    for items in bad_items:
        for used in (key, None):
            answer = post(live.acme, f"{path}/batch", {"items": items}, used)
            assert error_of(answer) == (400, "validation_failed"), items
    assert error_of(post(live.acme, f"{path}/batch", good, key)) == (400, "validation_failed")
    assert live.acme.count(path) == before
    assert post(live.acme, f"{path}/batch", {"items": [good]}, key).status_code == 201
    assert live.acme.count(path) == before + 1


@pytest.mark.parametrize("action", ACTIONS)
def test_action(live: Live, action: str) -> None:
    """SYSTEMS: "The three actions on a content item answer 201"; the detail shows three counters "as integers"."""
    item = make_content(live.acme)
    expected = dict.fromkeys(ACTIONS.values(), 0)

    for times, body in enumerate((None, {}, {"reason": "again"}), start=1):
        answer = post(live.acme, f"{item}/{action}", body, new_key())
        expected[ACTIONS[action]] = times
        shown = live.acme.get(item)
        assert (answer.status_code, answer.json()) == (201, shown)
        counters = {name: shown[name] for name in expected}
        assert counters == expected
        assert all(type(value) is int for value in counters.values())


@on_all
def test_unknown_fields(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "Unknown fields are ignored", and those that a client only reads."""
    desk, mine = endpoint.at(live.acme), {"id": "mine", "created_at": "2001-01-01T00:00:00Z", "colour": "red"}

    answer = post(live.acme, desk.path, {**endpoint.body(1), **mine, "generations": 9, "count": 9})

    assert answer.status_code == 201
    made = answer.json()
    assert not {"colour", "note"} & set(made)
    assert made.get("id") != "mine"
    assert made.get("generations") in {0, 1, None}
    assert made.get("count") in {3, None}
    assert "2001" not in str(made.get("created_at"))
    assert desk.times() == 1


@on_all
def test_bad_body(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: "invalid body" is 400 `validation_failed`, with a key or without; nothing is made."""
    desk, key = endpoint.at(live.acme), new_key()
    bodies: list[Any] = [b'{"keyword": "EV', b"\xff", b"[]", b'"EV range"']
    if endpoint.field is not None:
        bodies += [{}, {endpoint.field: ""}, {endpoint.field: ["EV"]}, None]

    for body in bodies:
        for used in (key, None):
            assert error_of(post(live.acme, desk.path, body, used)) == (400, "validation_failed"), body
    assert desk.times() == 0
    assert desk.post(key=key).status_code == 201


@on_all
def test_unauthorized(live: Live, endpoint: Endpoint) -> None:
    """SYSTEMS: 401 `unauthorized`, whatever the key; somebody without a token gets no replay."""
    desk, key = endpoint.at(live.acme), new_key()
    assert desk.post(key=key).status_code == 201

    for stranger in (live.caller(None), live.caller("no-such-token")):
        for used in (key, "one,two", None):
            answer = post(stranger, desk.path, endpoint.body(1), used)
            assert error_of(answer) == (401, "unauthorized")
    assert desk.times() == 1


def test_tokens(live: Live) -> None:
    """SYSTEMS: the token is accepted as `Authorization: Bearer TOKEN` and as `X-API-Key: TOKEN`; they share a key."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    first = desk.post(key=key)

    for token in ("acme-key-1", "acme-key-2"):
        headers = {"X-API-Key": token, "X-Idempotency-Key": key}
        replay = live.caller(None).send("POST", desk.path, IDEACLOUD.body(1), headers=headers)
        assert_replay(replay, first)
    assert desk.times() == 1


def test_others(live: Live) -> None:
    """SYSTEMS: a list shows "the organization's own"; to another organization its items are 404 `not_found`."""
    paths = [
        post(live.acme, path, body).headers["Location"]
        for path, body in (
            (IDEACLOUDS, {"keyword": "Ours"}),
            (CONTENT, {"title": "Ours"}),
            (f"{INVENTORY}/{new_vin()}/description", {}),
        )
    ]

    for path, of_list in zip(paths, LISTS, strict=True):
        assert live.acme.send("GET", path).status_code == 200
        assert error_of(live.globex.send("GET", path)) == (404, "not_found")
        assert path.rpartition("/")[2] not in {item["id"] for item in live.globex.get(of_list)["results"]}
    for action, counter in ACTIONS.items():
        assert error_of(post(live.globex, f"{paths[1]}/{action}", {}, new_key())) == (404, "not_found")
        assert live.acme.get(paths[1])[counter] == 0


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{IDEACLOUDS}/no-such-item", (404, "not_found")),
        ("GET", f"{DESCRIPTIONS}/no-such-item", (404, "not_found")),
        ("GET", f"{PUBLIC}/nowhere", (404, "not_found")),
        ("POST", f"{CONTENT}/no-such-item/generate", (404, "not_found")),
        ("POST", f"{PUBLIC}/nowhere", (404, "not_found")),
        ("POST", DESCRIPTIONS, (405, "method_not_allowed")),
        ("GET", f"{CONTENT}/batch", (405, "method_not_allowed")),
        ("POST", f"{INVENTORY}/{'X' * 200}/description", (400, "validation_failed")),
        ("POST", f"{INVENTORY}/A%00B/description", (404, "not_found")),
    ],
)
def test_errors(live: Live, method: str, path: str, expected: tuple[int, str]) -> None:
    """SYSTEMS: every error is `{"error": {"code", "message"}}`, and 404 is `not_found`."""
    body: Any = None if method == "GET" else {}

    assert error_of(live.acme.send(method, path, body)) == expected


def test_request_ids(live: Live) -> None:
    """SYSTEMS: "Every response ... carries `X-Request-Id`, fresh for each request", a replay and an error too."""
    desk, key = IDEACLOUD.at(live.acme), new_key()
    answers: list[httpx.Response] = [
        desk.post(key=key),
        desk.post(key=key),
        desk.post(2, key),
        desk.post(key="one,two"),
        post(live.acme, IDEACLOUDS, {}),
        post(live.caller(None), IDEACLOUDS, {}),
        live.acme.send("GET", IDEACLOUDS),
        live.acme.send("GET", "/hrizn/nowhere"),
    ]

    assert [answer.status_code for answer in answers] == [201, 201, 409, 400, 400, 401, 200, 404]
    ids = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(ids) == len(answers)
    assert "" not in ids
