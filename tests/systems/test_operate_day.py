"""A day later, with a purge and without one: keys are free again, but for those that live with what they made."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest

from tests.systems import firsthand, hrizn, surveycoder, test_thehog, whet
from tests.systems.live import Caller, Live, assert_replay, new_key


class Sent(NamedTuple):
    """A request under a key, and what it was answered."""

    send: Callable[[], httpx.Response]
    first: httpx.Response


def expiring(caller: Caller) -> list[Sent]:
    """One of The Hog, FirstHand, hrizn and SurveyCoder each."""
    key = new_key()
    body = surveycoder.body_of(caller, surveycoder.CODE)
    sends: list[Callable[[], httpx.Response]] = [
        partial(test_thehog.post, caller, test_thehog.GENERATE, key),
        firsthand.Post(caller, firsthand.CREATE_JOB).sending(key),
        partial(hrizn.IDEACLOUD.at(caller).post, key=key),
        partial(surveycoder.post, caller, surveycoder.CODE, body, key),
    ]
    return [Sent(send, send()) for send in sends]


def lasting(caller: Caller) -> list[Sent]:
    """All of Whet's."""
    sends = [partial(make(caller).send, new_key()) for make in whet.ENDPOINTS]
    return [Sent(send, send()) for send in sends]


def purge(live: Live) -> dict[str, Any]:
    return dict(json.loads(live.manage("idempotency", "purge", "--json", "--rest", "0")))


def test_a_day_later(live: Live) -> None:
    """SYSTEMS: "lives | 24 h | 24 h | 24 h | as long as the resource | 24 h": so before a purge, and so after one."""
    purge(live)
    unpurged, purged, whets = expiring(live.acme), expiring(live.acme), lasting(live.acme)
    for send, first in (*unpurged, *purged, *whets):
        assert_replay(send(), first)
    # What has not expired, no purge takes.
    assert purge(live) == {"expired": 0, "tombstones": 0, "finished": True}
    live.manage("age_demo", "25")
    again = []
    for send, first in unpurged:
        answer = send()
        assert answer.status_code == first.status_code
        assert "Idempotent-Replayed" not in answer.headers
        assert answer.content != first.content
        again.append(Sent(send, answer))
    assert purge(live)["expired"] >= len(purged)
    for send, first in purged:
        answer = send()
        assert answer.status_code == first.status_code
        assert "Idempotent-Replayed" not in answer.headers
        assert answer.content != first.content
        again.append(Sent(send, answer))
    for send, first in (*again, *whets):
        assert_replay(send(), first)


def test_what_became_of_a_key(live: Live) -> None:
    """REQ 26: each system tells its callers what became of their keys, beside its own contract."""
    key = new_key()
    test_thehog.post(live.acme, test_thehog.GENERATE, key)
    test_thehog.post(live.globex, test_thehog.GENERATE, key)
    path = f"/outcomes/thehog/idempotency/{key}"
    [mine], [theirs] = (caller.get(path)["results"] for caller in (live.acme, live.globex))
    assert (mine["state"], mine["status"], mine["mode"]) == ("completed", 202, "atomic")
    assert mine["resource"] != theirs["resource"] or mine["created_at"] != theirs["created_at"]
    assert live.caller(None).send("GET", path).status_code == 401
    refused = live.acme.send("GET", f"/outcomes/thehog/idempotency/{new_key()}")
    test_thehog.assert_error(refused, 404, "idempotency_key_unknown")


def test_of_an_api_key(live: Live) -> None:
    """SurveyCoder's keys are an API key's own: a colleague's is not told of them."""
    key = new_key()
    surveycoder.post(live.acme, surveycoder.PROJECTS, {"name": "Customers"}, key)
    path = f"/outcomes/surveycoder/idempotency/{key}"
    assert live.acme.get(path)["count"] == 1
    assert live.caller("acme-key-2").send("GET", path).status_code == 404


@pytest.mark.parametrize("system", ["firsthand", "hrizn", "whet", "payments"])
def test_every_system_tells(live: Live, system: str) -> None:
    """The route is there for each of them, and refuses in the system's own words."""
    refused = live.acme.send("GET", f"/outcomes/{system}/idempotency/{new_key()}")
    assert refused.status_code == 404
    assert "idempotency_key_unknown" in refused.text
