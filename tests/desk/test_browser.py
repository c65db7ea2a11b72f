"""The admin as whoever was woken meets it: in a real browser, under a policy that lets nothing inline run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from django_idempotency.admin.bodies import TEXT
from django_idempotency.models import IdempotencyAudit, IdempotencyRecord
from tests.desk.site import ALL, counted
from tests.operate.records import completed, keys, leased
from tests.servers import Server, http_client

pytestmark = pytest.mark.databases("sqlite")

HOUR = timedelta(hours=1)
WHY = "The provider has charged it: ticket 4711."


def find(page: Page, text: str) -> None:
    """Search, and open the one record that is found."""
    page.locator("#searchbar").fill(text)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.locator("#result_list tbody th a").click()


def test_a_night(opened: Callable[..., Page], server: Server) -> None:
    """REQ 26: an outcome is unknown; it is found by its key, resolved with a reason, replayed, and in the log."""
    with http_client(server.url) as http:

        def pay(**body: Any) -> Any:
            return http.post("/charge/", json=body, headers={"Idempotency-Key": "order-4711"})

        assert pay(end="raise").status_code == 500
        assert pay(end="raise").json()["code"] == "outcome_unknown"
        page = opened(*ALL)
        find(page, "order-4711")
        record = IdempotencyRecord.objects.get()
        expect(page.get_by_text(f"knows the request by the key {record.downstream_key()}")).to_be_visible()
        page.get_by_role("link", name="Resolve: it was done").click()
        page.get_by_label("Status").fill("201")
        page.get_by_label("Body").fill('{"id": 7}')
        page.get_by_role("button", name="Resolve: it was done").click()
        # Nothing is done without a reason.
        expect(page.get_by_text("This field is required.")).to_be_visible()
        page.get_by_label("Why").fill(WHY)
        page.get_by_role("button", name="Resolve: it was done").click()
        expect(page.locator(".messagelist .success")).to_be_visible()
        answer = pay(end="raise")
        assert (answer.status_code, answer.json()) == (201, {"id": 7})
        assert answer.headers["Idempotent-Replayed"] == "true"
    page.goto("/admin/django_idempotency/idempotencyaudit/")
    expect(page.get_by_text(WHY)).to_be_visible()
    page.get_by_role("link", name=record.pk).click()
    expect(page.get_by_text(f"completed, admin:night {WHY}")).to_be_visible()
    page.get_by_role("link", name="History").click()
    expect(page.get_by_text(WHY)).to_be_visible()
    assert IdempotencyAudit.objects.get().action == "completed"


def test_several_at_once(opened: Callable[..., Page]) -> None:
    """REQ 26: records that were chosen in the list are released together, and each is told of."""
    for name in ("a", "b"):
        leased(f"lost-{name}", left=None)
    leased("held", left=HOUR)
    page = opened(*ALL)
    for row in page.locator("#result_list tbody input[type=checkbox]").all():
        row.check()
    page.get_by_label("Action:").select_option("release")
    page.locator(".actions button[type=submit]").click()
    expect(page.get_by_text("Nothing. It is in flight")).to_be_visible()
    page.get_by_label("Why").fill(WHY)
    page.get_by_role("button", name="Release: nothing was done").click()
    expect(page.locator(".messagelist .success")).to_have_count(2)
    assert keys() == {"held"}


def test_the_chart(opened: Callable[..., Page]) -> None:
    """REQ 27: it is drawn, has a name and a description, and a table with the same numbers; it can be put away."""
    counted()
    page = opened()
    chart = page.get_by_role("img", name="Requests of the last 24 hours, by hour")
    expect(chart).to_be_visible()
    assert chart.get_by_text("executed").first.text_content()
    heights = [float(bar.get_attribute("height") or 0) for bar in chart.locator("rect").all()]
    assert len(heights) == 3 * 24
    assert all(heights)
    page.get_by_text("The chart as a table").click()
    rows = (
        page.get_by_role("table")
        .filter(has=page.get_by_role("columnheader", name="Hour", exact=True))
        .locator("tbody tr")
    )
    numbers = [
        [int(cell.replace(",", "")) for cell in row.locator("td").all_text_contents()] for row in rows.all()
    ]
    assert len(numbers) == 24
    # As high as they are many.
    drawn = [round(height / heights[0], 1) for height in heights[:3]]
    assert drawn == [round(number / numbers[0][0], 1) for number in numbers[0]]
    page.get_by_text("How it goes").click()
    expect(chart).to_be_hidden()


def test_a_body_with_and_without_the_permission(opened: Callable[..., Page]) -> None:
    """REQ 23: who has the permission reads what was answered; who has not is told what it needs."""
    headers = json.dumps([["Content-Type", "application/json"], ["Location", "/orders/7"]])
    completed("k", response_headers=headers, response_body=b'{"secret": "4242"}')
    page = opened()
    find(page, "k")
    expect(page.get_by_text("needs a permission of its own")).to_be_visible()
    address = page.url.replace("/change/", "/response/")
    answer = page.request.get(address)
    assert (answer.status, "4242" in answer.text()) == (403, False)
    page = opened("view_response_body", name="day")
    find(page, "k")
    page.get_by_role("link", name="Show the stored response").click()
    assert page.locator("pre").text_content() == '{\n  "secret": "4242"\n}'
    expect(page.get_by_text("/orders/7")).to_be_visible()


def test_a_script_is_only_text(opened: Callable[..., Page]) -> None:
    """REQ 26: whatever a caller has put into a record, it is shown and does nothing."""
    evil = "<script>document.title = 'evil'</script><img src=x onerror=\"document.title = 'evil'\">"
    headers = json.dumps([["Content-Type", "text/html"], ["Location", evil]])
    completed(evil, evil, endpoint=f"POST {evil}", response_headers=headers, response_body=evil.encode())
    page = opened(*ALL)
    find(page, evil)
    expect(page.get_by_text(evil).first).to_be_visible()
    page.get_by_role("link", name="Show the stored response").click()
    assert page.locator("pre").text_content() == evil
    assert "evil" not in page.title()
    expect(page.locator("#content-main img, #content script, #content img")).to_have_count(0)


def test_a_megabyte_is_shown_quickly(opened: Callable[..., Page]) -> None:
    """REQ 26: of a large body a browser gets the beginning, at once."""
    rows = json.dumps([{"number": number, "text": "x" * 80} for number in range(10_000)]).encode()
    assert len(rows) > 1024 * 1024
    headers = json.dumps([["Content-Type", "application/json"]])
    completed("k", response_headers=headers, response_body=rows)
    page = opened("view_response_body")
    find(page, "k")
    page.get_by_role("link", name="Show the stored response").click()
    expect(page.get_by_text("more are not shown.")).to_be_visible()
    assert len(page.locator("pre").text_content() or "") == TEXT
    took = page.evaluate("performance.getEntriesByType('navigation')[0].domComplete")
    assert took < 3000
