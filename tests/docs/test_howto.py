"""The how-to pages do what they say."""

from __future__ import annotations

import inspect
import io
import re
import unittest
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from asgiref.sync import async_to_sync
from cryptography.fernet import Fernet
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client, TestCase
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient

from django_idempotency import IdempotencyPolicy, counts
from django_idempotency.choices import Outcome
from django_idempotency.client import IdempotentTransport, answers, is_replay, key_of, operations
from django_idempotency.contrib.prometheus.metrics import requests, seconds
from django_idempotency.contrib.spectacular import views  # noqa: F401  (as where it is an app)
from django_idempotency.decorators import idempotent
from django_idempotency.models import IdempotencyRecord
from tests.docs.conftest import Site
from tests.docs.pages import README, page
from tests.docs.shop import Order, Payment, Provider
from tests.errors import ERRORS
from tests.leased.desk import abandoned

ORDER = {"item": "book", "quantity": 1}
KEY = {"Idempotency-Key": "a" * 16}

pytestmark = pytest.mark.databases("sqlite")


def client_of(user: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def routed(viewset: Any) -> Any:
    router = SimpleRouter()
    router.register("orders", viewset, basename="order")
    return path("", include(router.urls))


class TestChooseAPolicy:
    PAGE = page("docs/howto/choose-a-policy.md")

    def test_an_action_has_a_policy_of_its_own(self, site: Site, alice: User) -> None:
        """A view's policy, an action's and an overridden one each hold where the page says."""
        names = self.PAGE.python()
        site.serve(routed(names["OrdersAndCorrections"]))
        client = client_of(alice)

        assert client.post("/orders/", ORDER).status_code == 400  # ORDERS requires a key
        made = client.post("/orders/", ORDER, headers=KEY)
        assert made["Idempotency-Key-Expires-In"] == "86400"
        url = f"/orders/{made.json()['id']}/"
        for answer in (
            client.post(f"{url}refund/", headers=KEY),
            client.patch(url, {"item": "pen"}, headers=KEY),
        ):
            assert (answer.status_code, answer["Idempotency-Key-Expires-In"]) == (200, "604800")
        replay = client.post(f"{url}refund/", headers=KEY)
        assert replay["Idempotent-Replayed"] == "true"

    def test_a_key_may_travel_elsewhere(self, site: Site) -> None:
        """Another header, a member of the body, or nothing at all: each is a key, and two that differ are refused."""
        names = self.PAGE.python()
        site.serve(
            *(
                path(f"{name}/", self.view(names, names[name]))
                for name in ("LEGACY", "IN_THE_BODY", "FETCH", "CONFLICT", "FIRST_WINS", "AMOUNT_ONLY")
            )
        )
        client = client_of(User(pk=1, username="alice"))

        def replayed(name: str, *bodies: Mapping[str, object], **headers: str) -> list[bool]:
            answers = [client.post(f"/{name}/", {**ORDER, **body}, headers=headers) for body in bodies]
            return ["Idempotent-Replayed" in answer for answer in answers if answer.status_code == 201]

        assert replayed("LEGACY", {}, {}, **{"X-Request-Token": "b"}) == [False, True]
        assert replayed("LEGACY", {}, **{"X-Request-Token": "b", "Idempotency-Key": "c"}) == []
        assert replayed("IN_THE_BODY", *[{"idempotency_key": "k" * 16}] * 2) == [False, True]
        assert replayed("IN_THE_BODY", {}) == []
        page_one, page_two = ({"url": f"https://example.com/{n}", "purpose": "read"} for n in (1, 2))
        assert replayed("FETCH", page_one, page_two, page_one) == [False, False, True]
        assert replayed("FIRST_WINS", {}, {"quantity": 2}, **KEY) == [False, True]
        assert replayed("AMOUNT_ONLY", {}, {"note": "again"}, {"quantity": 2}, **KEY) == [False, True]
        assert replayed("CONFLICT", {}, **KEY) == [False]
        assert client.post("/CONFLICT/", {**ORDER, "quantity": 2}, headers=KEY).status_code == 409

    def test_an_organization_shares(self, site: Site) -> None:
        """With the scope of the page, colleagues share a key and strangers do not."""
        names = self.PAGE.python()
        site.serve(path("orders/", self.view(names, names["SHARED"])))
        users = [
            SimpleNamespace(pk=n, is_authenticated=True, is_active=True, organization_id=o)
            for n, o in ((1, 7), (2, 7), (3, 8))
        ]
        answers = [client_of(user).post("/orders/", ORDER, headers=KEY) for user in users]

        assert ["Idempotent-Replayed" in answer for answer in answers] == [False, True, False]

    def test_a_differing_body_is_validated_first(self, site: Site, alice: User) -> None:
        """VALIDATE refuses what the view would refuse, and answers the rest with the first result."""
        site.serve(path("orders/", self.PAGE.python()["ImportOrder"].as_view()))
        client = client_of(alice)
        first = client.post("/orders/", ORDER, headers=KEY)

        assert client.post("/orders/", {"item": "pen"}, headers=KEY).status_code == 400
        other = client.post("/orders/", {"item": "pen", "quantity": 3}, headers=KEY)
        assert (other.content, other["Idempotent-Replayed"]) == (first.content, "true")

    @staticmethod
    def view(names: dict[str, Any], policy: IdempotencyPolicy) -> Any:
        bases = (names["IdempotencyMixin"], names["CreateAPIView"])
        members = {"serializer_class": names["OrderSerializer"], "idempotency_policy": policy}
        view: Any = type("View", bases, members)
        return view.as_view()


def test_a_renderer_writes_refusals(site: Site, alice: User) -> None:
    """Refusals have the format of the page's renderer, and the headers that clients act on."""
    policy = page("docs/howto/own-error-format.md").python()["POLICY"]
    view = inspect.unwrap(README.python()["create_order"])
    site.serve(path("orders/", login_required(idempotent(policy.but(required=True))(view))))
    client = Client()
    client.force_login(alice)
    answer = client.post("/orders/", ORDER)

    assert answer.json()["error"]["code"] == "idempotency_key_required"
    assert answer["X-Should-Retry"] == "false"


class TestObjectPermissions:
    NAMES = "docs/howto/object-permissions.md"

    @pytest.fixture
    def order(self, site: Site, alice: User) -> Any:
        site.serve(routed(page(self.NAMES).python()["Orders"]))
        made = client_of(alice).post("/orders/", ORDER, headers=KEY)
        assert made.status_code == 201
        return Order.objects.get()

    @pytest.mark.parametrize("detail", [False, True])
    def test_a_lost_permission_stops_the_replay(self, order: Any, alice: User, detail: bool) -> None:
        """Who may no longer see the object is refused; who may again gets the stored answer again."""
        client = client_of(alice)

        def retry() -> Any:
            if detail:
                return client.patch(f"/orders/{order.pk}/", {"item": "pen"}, headers=KEY)
            return client.post("/orders/", ORDER, headers=KEY)

        first = retry()
        Order.objects.update(owner="bob")
        assert retry().status_code == 403
        Order.objects.update(owner="alice")
        assert (retry().content, retry()["Idempotent-Replayed"]) == (first.content, "true")
        Order.objects.all().delete()
        assert retry().status_code == 404

    def test_the_hook_of_a_decorator(self, site: Site, alice: User) -> None:
        """`before_replay=` of the decorator refuses in the same way."""
        site.serve(path("cancel/<int:pk>/", page(self.NAMES).python()["cancel"]))
        order = Order.objects.create(item="book", quantity=1, owner="alice")
        client = Client()
        client.force_login(alice)
        statuses = [client.post(f"/cancel/{order.pk}/", headers=KEY).status_code for _ in range(2)]
        Order.objects.update(owner="bob")

        assert statuses == [200, 200]
        assert client.post(f"/cancel/{order.pk}/", headers=KEY).status_code == 403


@pytest.fixture
def permission(alice: User) -> Iterator[None]:
    """Alice may add orders, in a project that has a permission for it."""
    content_type = ContentType.objects.create(app_label="shop", model="order")
    alice.user_permissions.add(Permission.objects.create(content_type=content_type, codename="add_order"))
    yield
    content_type.delete()


@pytest.mark.parametrize("name", ["create_order", "order_with_drf", "Orders", "order_async"])
@pytest.mark.usefixtures("permission")
def test_each_kind_of_view_asks_who_is_calling_first(site: Site, alice: User, name: str) -> None:
    """A replay goes to its caller, and never to somebody who is not logged in, whatever the kind of view."""
    view = page("docs/howto/django-and-async-views.md").python()[name]
    site.serve(path("orders/", view.as_view() if name == "Orders" else view))
    client = Client()
    client.force_login(alice)
    answers = [client.post("/orders/", ORDER, headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert ["Idempotent-Replayed" in answer for answer in answers] == [False, True]
    assert Client().post("/orders/", ORDER, headers=KEY).status_code in (302, 403)
    assert Order.objects.count() == 1


def test_an_async_view_under_an_async_handler(site: Site, alice: User) -> None:
    """Under an asynchronous handler, too, a retry of an async view is a replay."""
    site.serve(path("orders/", page("docs/howto/django-and-async-views.md").python()["order_async"]))
    client = AsyncClient()
    client.force_login(alice)
    answers = [async_to_sync(client.post)("/orders/", ORDER, headers=KEY) for _ in range(2)]

    assert ["Idempotent-Replayed" in answer for answer in answers] == [False, True]


@pytest.mark.parametrize("name", ["Cards", "pay"])
def test_a_redacted_body_is_stored(site: Site, alice: User, name: str) -> None:
    """The first caller sees the number; neither the record nor a retry has it, encrypted or not."""
    site.settings.IDEMPOTENCY = {"ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    view = page("docs/howto/keep-secrets.md").python()[name]
    site.settings.IDEMPOTENCY = {}
    site.serve(path("pay/", view.as_view() if name == "Cards" else view))
    client = Client()
    client.force_login(alice)
    first, retry = (client.post("/pay/", headers=KEY) for _ in range(2))

    assert first.json()["number"] == "4242424242424242"
    assert (retry.json(), retry["Idempotent-Replayed"]) == ({**first.json(), "number": None}, "true")
    assert b"4242" * 4 not in bytes(IdempotencyRecord.objects.get().response_body or b"")


class TestTestYourEndpoint:
    def test_the_tests_of_the_page_pass(self, site: Site) -> None:
        """The test cases of the page pass against the views of README.md and of the pages that it links to."""
        orders = README.python()["CreateOrder"]
        payments = page("docs/howto/call-the-outside-world.md").python()
        payments["Provider"] = Provider
        policy = page("docs/howto/own-error-format.md").python()["POLICY"]
        site.serve(
            path("orders/", orders.as_view(), name="orders"),
            path("payments/", payments["Payments"].as_view()),
            path("returns/", type("Returns", (orders,), {"idempotency_policy": policy}).as_view()),  # type: ignore[attr-defined]
        )
        names = page("docs/howto/test-your-endpoint.md").python("tests")
        cases = [each for each in names.values() if isinstance(each, type) and issubclass(each, TestCase)]
        load = unittest.defaultTestLoader.loadTestsFromTestCase
        suite = unittest.TestSuite(load(case) for case in cases if case is not TestCase)
        report = io.StringIO()
        result = unittest.TextTestRunner(report).run(suite)

        assert (result.testsRun, result.wasSuccessful()) == (7, True), report.getvalue()


def test_switched_off_every_retry_runs(site: Site, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the variable of the page set to 0, nothing is guarded, refused or recorded."""
    monkeypatch.setenv("IDEMPOTENCY_ENABLED", "0")
    site.settings.IDEMPOTENCY = page("docs/howto/switch-off.md").python("settings")["IDEMPOTENCY"]
    site.serve(path("orders/", README.python()["CreateOrder"].as_view(), name="orders"))
    keys = ("a", "a", "", "\x7f")
    answers = [client_of(alice).post("/orders/", ORDER, headers={"Idempotency-Key": key}) for key in keys]

    assert {answer.status_code for answer in answers} == {201}
    assert (Order.objects.count(), IdempotencyRecord.objects.count()) == (4, 0)


class TestPublishASchema:
    PAGE = page("docs/howto/publish-a-schema.md")

    def test_what_is_declared_wins(self, site: Site, settings: Any) -> None:
        """The page's view keeps its own key and its own 409, and the rest is told of by its policy."""
        for block in self.PAGE.blocks:
            if block.mark == "settings":
                shown: dict[str, Any] = {}
                block.run(shown)
                settings.REST_FRAMEWORK = shown["REST_FRAMEWORK"]
        view = self.PAGE.python()["CreateOrder"].as_view()

        schema = SchemaGenerator(patterns=[path("orders/", view)]).get_schema(public=True)
        operation = schema["paths"]["/orders/"]["post"]
        assert [each["description"] for each in operation["parameters"]] == ["Of your order."]
        answers = operation["responses"]
        assert set(answers) == {"201", "400", "409", "422", "503"}
        assert answers["409"]["description"].startswith("Sold out")
        assert "IdempotencyProblem" in schema["components"]["schemas"]


class TestGuardTasksAndFunctions:
    PAGE = page("docs/howto/guard-tasks-and-functions.md")

    def test_a_command_that_is_started_again(self, site: Site) -> None:
        """REQ 28: it bills each order once, whatever it came to before it broke."""
        names = self.PAGE.python()
        orders = [Order.objects.create(item="book", quantity=2).pk for _ in range(2)]
        first = names["bill"](orders[0])
        for _ in range(2):
            names["Command"]().handle()

        assert first == {"payment": first["payment"], "amount": 6}
        assert Payment.objects.count() == 2
        assert sorted(IdempotencyRecord.objects.values_list("key", flat=True)) == [
            f"bill-{order}" for order in orders
        ]

    def test_tasks(self, site: Site) -> None:
        """REQ 28: a task of a business key, one of its message's, and one that waits for what it is about."""
        names = self.PAGE.python()
        order = Order.objects.create(item="book", quantity=1)
        assert names["ship"].apply((order.pk,)).get() == names["ship"].apply((order.pk,)).get()
        for id in ("id-1", "id-2"):
            for _ in range(2):
                names["welcome"].apply(("ann",), task_id=id)
        assert Order.objects.filter(item="leaflet", owner="ann").count() == 2
        for header in ({"idempotency_key": "welcome-bob"},) * 2:
            names["welcome"].apply(("bob",), headers=header)
        assert Order.objects.filter(owner="bob").count() == 1

    def test_a_charge_is_found_out(self, site: Site) -> None:
        """REQ 28: an order that is not there yet is no unknown outcome, and a lost charge is found at the provider."""
        names = self.PAGE.python()
        charge = names["charge"]
        assert charge.apply((1, 5)).state == "FAILURE"  # after its retries
        assert not IdempotencyRecord.objects.exists()
        order = Order.objects.create(item="book", quantity=1)
        assert charge.apply((order.pk, 5)).get() == {"charged": 5}
        abandoned(f"charge-{order.pk}")
        assert charge.apply((order.pk, 5)).get() == {"charged": 5}
        assert len(names["CHARGED"]) == 1

    def test_a_tool(self, site: Site) -> None:
        """REQ 28: a user's key is the user's own."""
        serve_order = self.PAGE.python()["serve_order"]
        called = [async_to_sync(serve_order)(user, "book", "k") for user in ("ann", "ann", "bob")]
        assert called[0] == called[1] != called[2]
        assert Order.objects.count() == 2

    def test_what_counts(self, site: Site) -> None:
        """REQ 28: an argument that is not named may be anything; each field of a policy is told of."""
        note = self.PAGE.python()["note"]
        assert note(1, object()) is note(1, object()) is None
        assert IdempotencyRecord.objects.count() == 1


class TestCallSuchAnApi:
    PAGE = page("docs/howto/call-such-an-api.md")

    @pytest.fixture
    def names(self, site: Site, alice: User) -> Iterator[dict[str, Any]]:
        """What the page defines, with a network that loses the first answers."""
        names = self.PAGE.python()
        view = README.python()["CreateOrder"].as_view()
        site.serve(path("orders/", view), path("payments/", view), path("scans/", view))
        names["losses"] = []
        inner = httpx.WSGITransport(app=WSGIHandler())

        def send(request: httpx.Request) -> httpx.Response:
            response = inner.handle_request(request)
            response.read()
            if names["losses"]:
                raise names["losses"].pop()
            return httpx.Response(response.status_code, headers=response.headers, content=response.content)

        transport = IdempotentTransport(httpx.MockTransport(send), sleep=lambda seconds: None)
        with httpx.Client(
            transport=transport, base_url="http://127.0.0.1", auth=("alice", "secret")
        ) as names["http"]:
            yield names

    def test_an_order_is_placed_once(self, names: dict[str, Any]) -> None:
        """Two answers are lost, and there is one order, the one that the caller is told of."""
        names["losses"] += [httpx.ReadTimeout("late"), httpx.ReadError("lost")]

        assert names["place"]("book", 1) == Order.objects.get().pk

    def test_it_is_sent_again_later(self, names: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
        """Without any answer, the request of the error gets the first one's, and nothing tells its key."""
        names["losses"] += [httpx.ReadError("lost") for _ in range(3)]
        with pytest.raises(httpx.ReadError) as caught:
            names["place"]("book", 1)
        response = names["place_at_last"](caught.value)

        assert is_replay(response)
        assert response.json()["id"] == Order.objects.get().pk
        key = key_of(caught.value.request) or ""
        assert key == key_of(response)
        assert "no answer yet" in (said := capsys.readouterr().out)
        assert key not in said

    def test_a_key_may_be_given_and_an_upload_be_retried(self, names: dict[str, Any], tmp_path: Path) -> None:
        """The key of the page is sent, and an upload survives a lost answer."""
        assert key_of(names["pay"](7, 100)) == "invoice-7"
        names["losses"] += [httpx.ReadError("lost")]
        (tmp_path / "scan").write_bytes(b"abc")
        assert names["upload"](str(tmp_path / "scan")).status_code == 400  # which is no order

    def test_its_figures_are_those_of_the_code(self) -> None:
        """What the page says of statuses and seconds is what the client goes by, and so is api.md."""
        statuses = next(row[0] for row in self.PAGE.rows("What happened") if row[0].startswith("408"))
        assert {int(status) for status in statuses.split(", ")} == answers.RETRIED
        assert operations.READ_AT_ONCE == 2**20
        pauses = (operations.FIRST_PAUSE, operations.LONGEST_PAUSE, operations.LONGEST_RETRY_AFTER)
        assert pauses == (0.5, 8, 60)
        rows = page("docs/reference/api.md").rows("Given to a transport")
        given = inspect.signature(IdempotentTransport).parameters.values()
        assert [row[0].strip("`").partition("=")[0] for row in rows] == [each.name for each in given]


class TestWatchIt:
    PAGE = page("docs/howto/watch-it.md")

    def test_requests_are_seen(
        self, site: Site, alice: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """What the page counts and hears is what happened, and what it looks for is what a lost worker leaves."""
        names = self.PAGE.python()
        site.settings.IDEMPOTENCY = {"COUNTS": True}
        tally = counts.Tally()
        monkeypatch.setattr(counts, "tally", tally)
        site.serve(path("orders/", README.python()["CreateOrder"].as_view(), name="orders"))
        for order in (ORDER, ORDER, {**ORDER, "quantity": 2}):
            client_of(alice).post("/orders/", order, headers=KEY)
        IdempotencyRecord.objects.update(state="in_progress", lease_expires_at="2026-01-01T00:00Z")
        client_of(alice).post("/orders/", ORDER, headers=KEY)
        tally.finish()

        (line,) = [record.getMessage() for record in caplog.records if record.name == "shop.idempotency"]
        assert re.fullmatch(r"POST orders: outcome_unknown after \d+\.\d seconds", line)
        assert names["unknown"]() == 1
        assert names["last_day"]() == {
            "executed": 1,
            "replayed": 1,
            "idempotency_conflict": 1,
            "outcome_unknown": 1,
        }

    def test_what_it_names_is_there(self) -> None:
        """Each metric and each outcome of the page is one that there is."""
        shown = {family.name for metric in (requests, seconds) for family in metric.collect()}
        outcomes = {each.value for each in Outcome} | {error.code for error in ERRORS}
        named = [row[0] for row in self.PAGE.rows("What")]
        assert named
        for words in named:
            assert set(re.findall(r"`(\w+)`", words)) - {"leased"} <= outcomes
        for name in re.findall(r"idempotency_request\w+", self.PAGE.text):
            assert name.removesuffix("_total") in shown
