"""A browser, where there is one: the system's Chromium, led by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission, User

from tests.desk.site import LIST, VIEW
from tests.rig import Database
from tests.servers import Server, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

PASSWORD = "a password"
# It speaks to nobody but the server of the test, as root as well.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture
def browser(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Start Chromium; without one, the test is skipped, or fails where REQUIRE_BROWSER is set."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "There is no Chromium: `apt install chromium`."
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(f"REQUIRE_BROWSER is set. {reason}")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    # Playwright has an event loop in this thread, which Django takes for a reason not to ask a database. Not for
    # longer than the test: others do well without it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def server(database: Database) -> Iterator[Server]:
    """One for each test: what it has counted, it writes when it ends."""
    settings = {"DJANGO_SETTINGS_MODULE": "tests.desk.settings"}
    with serve(database, "tests.desk.wsgi:application", workers=1, threads=8, environ=settings) as server:
        yield server


@pytest.fixture
def opened(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Log somebody in by hand; nowhere may anything be tried that the policy forbids."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def log_in(*permissions: str, name: str = "night", **options: Any) -> Page:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=(*VIEW, *permissions)))
        context = browser.new_context(base_url=server.url, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if complains(said) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto("/admin/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("link", name="Idempotency records").click()
        page.wait_for_url(f"**{LIST}")
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert complaints == []


def complains(said: ConsoleMessage) -> bool:
    """Whether a browser has said that something is wrong, but for the icon of the site, which no test has."""
    return said.type == "error" and not said.location["url"].endswith("/favicon.ico")
