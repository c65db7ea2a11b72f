"""README.md does what it says."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import path

from tests.docs.conftest import Site
from tests.docs.curl import assert_shown, conversations, send
from tests.docs.pages import README
from tests.docs.shop import Order

DEMO = "python -m pip install -e '.[demo]' && python manage.py demo"
TESTS = "python -m pip install -e '.[test]' && python -m pytest"

pytestmark = pytest.mark.databases("sqlite")


def test_the_demo_is_the_first_command() -> None:
    """The first command that a reader meets shows that it works; the second one runs the tests."""
    commands = [block.text.strip() for block in README.blocks if block.language == "console"]

    assert commands[:2] == [DEMO, TESTS]
    assert "pip install 'django-idempotency[drf,beat]'" in commands
    assert len(README.text.splitlines()) < 130


def test_the_client_sees_what_is_shown(site: Site, alice: User) -> None:
    """Each answer in README.md is the answer of the view above it."""
    site.serve(path("orders/", README.python()["CreateOrder"].as_view(), name="orders"))
    played = 0
    with site.client() as client:
        for block in README.blocks:
            for command, shown in conversations(block):
                assert_shown(send(client, command), shown)
                played += 1

    assert played == 3
    assert Order.objects.count() == 1


def test_the_decorated_view_is_idempotent(site: Site, alice: User) -> None:
    """The decorator of README.md replays, and asks who is calling first."""
    site.serve(path("orders/", README.python()["create_order"], name="orders"))
    client = Client()
    client.force_login(alice)
    order, key = {"item": "book", "quantity": "1"}, {"Idempotency-Key": "a"}
    first, retry = (client.post("/orders/", order, headers=key) for _ in range(2))

    assert (first.status_code, retry.content) == (201, first.content)
    assert retry["Idempotent-Replayed"] == "true"
    assert Client().post("/orders/", order, headers=key).status_code == 302
    assert Order.objects.count() == 1
