"""What Whet's endpoints take, answer and show."""

from __future__ import annotations

import pytest

from tests.systems.live import Caller, Live, new_key
from tests.systems.whet import (
    ENDPOINTS,
    INTENT,
    NOTE,
    PAGE,
    Body,
    Make,
    assert_refused,
    connect,
    draft,
    fetch,
    from_intent,
    made,
    on,
    publish,
)

ANSWERS: dict[Make, set[str]] = {
    from_intent: {"pipeline_id", "run_id", "status"},
    draft: {"artifact_id", "run_id", "status"},
    publish: {"artifact_id", "publication_id", "status"},
    connect: {"account_id", "provider"},
    fetch: {"artifact_id", "run_id", "url", "intent", "status"},
}
# Where it shows, and the name of its identifier.
PLACES: dict[Make, tuple[str, str]] = {
    from_intent: ("/whet/pipelines", "pipeline_id"),
    draft: ("/whet/artifacts", "artifact_id"),
    connect: ("/whet/accounts", "account_id"),
    fetch: ("/whet/artifacts", "artifact_id"),
}

INVALID: dict[str, list[Body]] = {
    "/whet/pipelines/from-intent": [
        {"handle": "growth_dr"},
        {**INTENT, "handle": 7},
        {**INTENT, "handle": " "},
        {**INTENT, "intent": None},
    ],
    "/whet/accounts/connect": [{}, {"provider": ["x"]}, {"provider": "x" * 101}, {"provider": "x\0"}],
    "/whet/fetch": [
        {"url": PAGE["url"]},
        {**PAGE, "url": "example"},
        {**PAGE, "url": 7},
        {**PAGE, "intent": 7},
        {**PAGE, "intent": ""},
    ],
}


def listed(caller: Caller, path: str, name: str, value: str) -> list[Body]:
    return [item for item in caller.get(path)["results"] if item[name] == value]


@on(*ENDPOINTS)
def test_answer(live: Live, make: Make) -> None:
    """SYSTEMS: "POST /whet/pipelines/from-intent [...] → {"pipeline_id", "run_id", "status"}", and so on."""
    response = make(live.acme).send(new_key())

    assert response.status_code == 201
    assert set(response.json()) == ANSWERS[make]
    assert all(isinstance(value, str) and value for value in response.json().values())


@on(*PLACES)
def test_detail(live: Live, make: Make) -> None:
    """SYSTEMS: "an item looks like its detail and repeats the fields that were sent"."""
    endpoint = make(live.acme)
    response = endpoint.send(new_key(), {**endpoint.body, **NOTE, **endpoint.body})
    path, name = PLACES[make]
    answer = response.json()

    detail = live.acme.get(f"{path}/{answer[name]}")

    assert response.headers["Location"] == f"{path}/{answer[name]}"
    assert detail == detail | answer | endpoint.body
    assert listed(live.acme, path, name, answer[name]) == [detail]
    assert not {"idempotency_key", "note"} & set(detail)


def test_pipeline(live: Live) -> None:
    """SYSTEMS: "→ {"pipeline_id", "run_id", "status", "posts": [{"post_id"}]} (one post)"; its inbox."""
    start = from_intent(live.acme)
    first, second = (f"/whet/pipelines/{made(start)['pipeline_id']}" for _ in range(2))
    (post,) = live.acme.get(first)["posts"]
    assert list(post) == ["post_id"]
    assert live.acme.count(f"{first}/inbox") == 0

    drafts = [
        live.acme.send("POST", f"/whet/posts/{post['post_id']}/draft", {"idempotency_key": new_key()}).json()
        for _ in range(2)
    ]

    inbox = live.acme.get(f"{first}/inbox")["results"]
    assert sorted(item["artifact_id"] for item in inbox) == sorted(each["artifact_id"] for each in drafts)
    for item in inbox:
        assert item == live.acme.get(f"/whet/artifacts/{item['artifact_id']}")
        assert item["post_id"] == post["post_id"]
    assert live.acme.count(f"{second}/inbox") == 0


def test_publications(live: Live) -> None:
    """SYSTEMS: "GET /whet/artifacts (fetched ones too; an item shows publications, an integer)"."""
    drafted, page_fetched = made(draft(live.acme)), made(fetch(live.acme))

    for artifact in (drafted["artifact_id"], page_fetched["artifact_id"]):
        path = f"/whet/artifacts/{artifact}"
        assert live.acme.get(path)["publications"] == 0
        publications = set()
        for count in (1, 2):
            answer = live.acme.send("POST", f"{path}/publish", {"idempotency_key": new_key()}).json()
            assert answer["artifact_id"] == artifact
            publications.add(answer["publication_id"])
            assert live.acme.get(path)["publications"] == count
        assert len(publications) == 2
        (item,) = listed(live.acme, "/whet/artifacts", "artifact_id", artifact)
        assert item["publications"] == 2


@on(*PLACES)
def test_lists(live: Live, make: Make) -> None:
    """SYSTEMS: "GET on a collection lists the organization's own as {"count": N, "results": [...]}"."""
    path, name = PLACES[make]
    mine, theirs = (made(make(caller))[name] for caller in (live.acme, live.globex))

    assert listed(live.acme, path, name, mine)
    assert not listed(live.acme, path, name, theirs)
    assert live.acme.count(path) >= 1


def test_other_organizations(live: Live) -> None:
    """SYSTEMS: "404 not_found": what is another organization's is not there, and nothing happens to it."""
    theirs = publish(live.globex)
    artifact = theirs.path.removesuffix("/publish")
    account = f"/whet/accounts/{made(connect(live.globex))['account_id']}"

    for path in (theirs.pipeline, f"{theirs.pipeline}/inbox", artifact, account):
        assert_refused(live.acme.send("GET", path), 404, "not_found")
        assert live.globex.send("GET", path).status_code == 200
    for path in (theirs.path, f"/whet/posts/{live.globex.get(artifact)['post_id']}/draft"):
        assert_refused(live.acme.send("POST", path, {"idempotency_key": new_key()}), 404, "not_found")
    assert_refused(live.acme.send("DELETE", theirs.pipeline), 404, "not_found")
    assert (theirs.count(), live.globex.count(f"{theirs.pipeline}/inbox")) == (0, 1)


@on(*ENDPOINTS)
def test_tokens(live: Live, make: Make) -> None:
    """SYSTEMS: "accepted as Authorization: Bearer TOKEN and as X-API-Key: TOKEN"; "401 unauthorized"."""
    endpoint = make(live.acme)
    before = endpoint.count()
    sent = {**endpoint.body, "idempotency_key": new_key()}

    for token in (None, "acme-key-3"):
        assert_refused(live.caller(token).send("POST", endpoint.path, sent), 401, "unauthorized")
    assert_refused(live.caller(None).send("GET", "/whet/pipelines"), 401, "unauthorized")
    assert endpoint.count() == before
    headers = {"X-API-Key": "acme-key-1"}
    assert live.caller(None).send("POST", endpoint.path, sent, headers=headers).status_code == 201
    assert endpoint.count() == before + 1


@pytest.mark.parametrize(("path", "bodies"), INVALID.items(), ids=[path.split("/")[2] for path in INVALID])
def test_invalid_bodies(live: Live, path: str, bodies: list[Body]) -> None:
    """SYSTEMS: "invalid body: 400 validation_failed"."""
    lists = ("/whet/pipelines", "/whet/accounts", "/whet/artifacts")
    before = [live.acme.count(each) for each in lists]

    for body in bodies:
        sent = {**body, "idempotency_key": new_key()}
        assert_refused(live.acme.send("POST", path, sent), 400, "validation_failed")
        # Also where no key is needed.
        assert_refused(live.acme.send("POST", path, body), 400, "validation_failed")

    assert [live.acme.count(each) for each in lists] == before


@on(*ENDPOINTS)
def test_no_object(live: Live, make: Make) -> None:
    """SYSTEMS: the key is a member of the body, so a body without members is 400 `validation_failed`."""
    endpoint = make(live.acme)

    for body in (b"", b"[]", b'"text"', b"{", b"\xff", b"null", b"[" * 3000):
        assert_refused(live.acme.send("POST", endpoint.path, body), 400, "validation_failed")


def test_request_ids_and_refusals(live: Live) -> None:
    """SYSTEMS: "Every response of testproject carries X-Request-Id, fresh for each request"; errors have one shape."""
    paths = ("/whet/pipelines", "/whet/artifacts/art_0", "/whet/nothing", "/whet/artifacts/%00", "/whet/")
    answers = [live.acme.send("GET", path) for path in (*paths, "/whet/fetch")]

    assert answers[0].status_code == 200
    for answer in answers[1:-1]:
        assert_refused(answer, 404, "not_found")
    assert_refused(answers[-1], 405, "method_not_allowed")
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)
