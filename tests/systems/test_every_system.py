"""What all systems have in common: accounts, request ids, paths that are not there, faults for demonstrations only."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from testproject.accounts.seeds import ADMIN, ORGANIZATIONS, tokens_of
from testproject.demo import serving
from testproject.demo.server import Server
from tests.servers import ROOT, http_client
from tests.systems.firsthand import BILLING, CREATE_WEBHOOK, JOBS, Post, make_job
from tests.systems.live import Caller, Live, new_key

PREFIXES = ("thehog", "firsthand", "hrizn", "whet", "surveycoder", "payments")
# Something in each system that any caller may read.
READABLE = {
    "thehog": "/thehog/api/credits",
    "firsthand": BILLING,
    "hrizn": "/hrizn/v1/public/ideaclouds",
    "whet": "/whet/pipelines",
    "surveycoder": "/surveycoder/v1/credits",
}
TOKENS = [(name, token) for name in ORGANIZATIONS for token in tokens_of(name)]


def headers_of(token: str) -> list[dict[str, str]]:
    """Both forms of the header that carries a token."""
    return [{"Authorization": f"Bearer {token}"}, {"X-API-Key": token}]


def error_of(response: httpx.Response) -> tuple[int, str]:
    """Tell the status and the code of an error, whatever the system calls and spells it."""
    assert set(response.json()) == {"error"}
    error = response.json()["error"]
    assert error["message"]
    assert error.get("request_id", response.headers["X-Request-Id"]) == response.headers["X-Request-Id"]
    return response.status_code, str(error["code"] if "code" in error else error["type"]).lower()


# -- Accounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", READABLE.values(), ids=list(READABLE))
@pytest.mark.parametrize(("name", "token"), TOKENS)
def test_tokens(live: Live, path: str, name: str, token: str) -> None:
    """SYSTEMS: "two API keys whose tokens are fixed: `acme-key-1`, `acme-key-2`, `globex-key-1`, `globex-key-2`";
    "accepted as `Authorization: Bearer TOKEN` and as `X-API-Key: TOKEN`"."""
    assert token == f"{name}-key-{token[-1]}"
    stranger = live.caller(None)
    for headers in headers_of(token):
        assert stranger.send("GET", path, headers=headers).status_code == 200


def test_tokens_of_one_organization(live: Live) -> None:
    """SYSTEMS: `seed_demo` "creates organizations `acme` and `globex`, each with two API keys"."""
    job = make_job(live.acme)
    for name, token in TOKENS:
        for headers in headers_of(token):
            status = live.caller(None).send("GET", f"{JOBS}/{job['id']}", headers=headers).status_code
            assert status == (200 if name == "acme" else 404)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nobody's"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer acme-key"},
        {"Authorization": "Bearer ACME-KEY-1"},
        {"Authorization": "acme-key-1"},
        {"Authorization": "Basic YWNtZS1rZXktMTo="},
        {"X-API-Key": "nobody's"},
        {"X-API-Key": ""},
        {"X-API-Key": "Bearer acme-key-1"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", READABLE.values(), ids=list(READABLE))
def test_other_tokens(live: Live, path: str, headers: dict[str, str]) -> None:
    """SYSTEMS: "401 `unauthorized`" without a token, or with a wrong one."""
    refused = live.caller(None).send("GET", path, headers=headers)
    assert error_of(refused) == (401, "unauthorized")
    assert refused.headers["WWW-Authenticate"] == "Bearer"


def test_other_tokens_do_nothing(live: Live) -> None:
    """SYSTEMS: "401 `unauthorized`", and nothing is done."""
    post = Post(live.acme, CREATE_WEBHOOK)
    for token in (None, "nobody's"):
        assert error_of(post.send(new_key(), caller=live.caller(token))) == (401, "unauthorized")
    assert post.happened() == 0


def test_admin_and_credits(live: Live) -> None:
    """SYSTEMS: "Admin login of the demo: `admin` / `admin`"; "1000 credits in each of The Hog, FirstHand and
    SurveyCoder, separately; `seed_demo` tops each up to at least 1000"; it is "safe to run again"."""
    assert live.acme.get(BILLING) == live.globex.get(BILLING) == {"balance": 1000}
    with http_client(live.url) as browser:
        log_in(browser)
        balances = re.findall(
            r'href="(/admin/accounts/balance/\d+/change/)', browser.get("/admin/accounts/balance/").text
        )
        # Two organizations, in three systems each.
        assert len(balances) == 6
        forms = {path: fields_of(browser.get(path).text) for path in balances}
        assert {fields["credits"] for fields in forms.values()} == {"1000"}
        theirs = [path for path, fields in forms.items() if fields["system"] == "firsthand"]
        for path, credits in zip(theirs, ("400", "1400"), strict=True):
            saved = browser.post(path, data={**forms[path], "credits": credits})
            assert saved.headers["Location"] == "/admin/accounts/balance/", saved.text
        assert sorted(caller.get(BILLING)["balance"] for caller in (live.acme, live.globex)) == [400, 1400]

        live.manage("seed_demo")

        assert sorted(caller.get(BILLING)["balance"] for caller in (live.acme, live.globex)) == [1000, 1400]
        held = sorted(fields_of(browser.get(path).text)["credits"] for path in balances)
        assert held == ["1000"] * 5 + ["1400"]
        for name, shown in (("organization", "2 organizations"), ("apikey", "4 API keys")):
            assert shown in browser.get(f"/admin/accounts/{name}/").text


def log_in(browser: httpx.Client) -> None:
    """Log in to the admin, as its form does."""
    login = "/admin/login/?next=/admin/"
    form = {**fields_of(browser.get(login).text), "username": ADMIN, "password": ADMIN}
    assert browser.post(login, data=form).headers["Location"] == "/admin/"
    assert "Log out" in browser.get("/admin/").text


def fields_of(page: str) -> dict[str, str]:
    """Read what a form of the admin would send."""
    fields = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = (re.search(rf'\b{attribute}="([^"]*)"', tag) for attribute in ("name", "value"))
        if name and value and 'type="submit"' not in tag:
            fields[name[1]] = unescape(value[1])
    for name, options in re.findall(r'<select name="(\w+)"(.*?)</select>', page, re.DOTALL):
        if chosen := re.search(r'value="(\d+)" selected', options):
            fields[name] = chosen[1]
    return fields


# -- Request ids, and paths that are not there -----------------------------------------------------


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_unknown_path(live: Live, prefix: str) -> None:
    """SYSTEMS: "404 `not_found`", in the system's error body, whatever is asked for and by whom."""
    for path in ("", "/", "/nothing", "/v1/nothing/here/", "/v1/%00"):
        for method in ("GET", "POST", "DELETE"):
            for caller in (live.acme, live.caller(None)):
                answer = caller.send(method, f"/{prefix}{path}")
                assert error_of(answer) == (404, "not_found"), f"{method} {path}"


def test_request_ids(live: Live) -> None:
    """SYSTEMS: "Every response of testproject carries `X-Request-Id`, fresh for each request"."""
    post = Post(live.acme, CREATE_WEBHOOK)
    sends = [
        *(
            lambda path=path: live.acme.send("GET", path)
            for path in ("/", "/nothing", "/admin/", "/static/no")
        ),
        *(lambda prefix=prefix: live.acme.send("GET", f"/{prefix}/nothing") for prefix in PREFIXES),
        lambda: live.acme.send("GET", BILLING),
        lambda: live.acme.send("HEAD", BILLING),
        lambda: live.acme.send("OPTIONS", BILLING),
        lambda: live.acme.send("PUT", BILLING),
        lambda: live.acme.send("GET", BILLING, headers={"Host": "elsewhere.example"}),
        lambda: live.acme.send("GET", BILLING, headers={"X-Request-Id": "req_of_the_client"}),
        lambda: live.caller(None).send("GET", BILLING),
        lambda: post.send(),
        lambda: post.send(new_key()),
        lambda: post.send(new_key(), b"{"),
        lambda: post.send(new_key(), fault="fail-before"),
        lambda: post.send(new_key(), fault="fail-after"),
    ]
    answers = [send() for send in sends for _ in range(2)]

    assert {answer.status_code for answer in answers} == {200, 201, 302, 400, 401, 404, 405, 500, 503}
    ids = [answer.headers["X-Request-Id"] for answer in answers]
    assert all(len(answer.headers.get_list("X-Request-Id")) == 1 for answer in answers)
    assert len(set(ids)) == len(ids)
    assert "req_of_the_client" not in ids


# -- Faults, and what is for demonstrations only ---------------------------------------------------


@pytest.fixture(scope="module")
def deployed(live: Live, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The same project on the same database, served as in a deployment."""
    log = tmp_path_factory.mktemp("deployed") / "server.log"
    with Server(as_deployed(live), log) as server, Caller(server.url, "acme-key-1") as caller:
        yield caller


def as_deployed(live: Live) -> dict[str, str]:
    return {
        **live.environment,
        "DEBUG": "0",
        "SECRET_KEY": "of a deployment" * 4,
        "ALLOWED_HOSTS": "127.0.0.1",
    }


@pytest.mark.parametrize("fault", ["fail-before", "fail-after", "drop", "kill", "slow=30", "bogus"])
def test_a_deployment_has_no_faults(deployed: Caller, fault: str) -> None:
    """SYSTEMS: "Faults on request (testproject with `DEBUG=True` only)"."""
    post = Post(deployed, CREATE_WEBHOOK)
    assert post.send(new_key(), fault=fault).status_code == 201
    assert post.happened() == 1


def test_a_deployment_has_nothing_of_the_demo(live: Live) -> None:
    """SYSTEMS: "All of it is the demo's; a deployment has none of it." """
    done = subprocess.run(
        [sys.executable, "manage.py", "seed_demo"],
        cwd=ROOT,
        env=as_deployed(live),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "DEBUG" in done.stderr


def test_the_servers_patience() -> None:
    """SYSTEMS: "Server timeouts must be above 20 s"."""
    assert serving.timeout > 20
    # A thread for each of those who wait, and more than one process for them to meet in the database.
    assert serving.worker_class == "gthread"
    assert min(serving.workers, serving.threads) > 1
