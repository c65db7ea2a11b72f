"""What the blocks of the documentation need around them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from weakref import WeakSet

import httpx
import pytest
from celery import Celery, _state
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.urls import URLPattern, URLResolver

from tests.docs import shop as shop_module
from tests.rig import Database


@pytest.fixture(autouse=True)
def celery_app(monkeypatch: pytest.MonkeyPatch) -> Iterator[Celery]:
    """A Celery for the tasks of a page, which would otherwise be tasks of all others as well."""
    state: Any = _state  # its stubs do not tell of these
    monkeypatch.setattr(state, "_on_app_finalizers", set(state._on_app_finalizers))
    monkeypatch.setattr(state, "_apps", WeakSet())
    monkeypatch.setattr(state._tls, "current_app", None)
    with Celery("documented") as app:
        yield app


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The reader's app, importable as the pages import it."""
    for name in ("shop", "shop.models", "shop.provider", "shop.serializers"):
        monkeypatch.setitem(sys.modules, name, shop_module)
    return shop_module


@pytest.fixture
def tables(shop: Any, database: Database) -> Iterator[None]:
    """Its tables, on the database of the test."""
    models = (shop.Order, shop.Payment)
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    yield
    with connection.schema_editor() as editor:
        for model in models:
            editor.delete_model(model)


class Site:
    """A project with the reader's views in it."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    def serve(self, *patterns: URLPattern | URLResolver) -> None:
        urls: Any = ModuleType("documented_urls")
        urls.urlpatterns = list(patterns)
        self.settings.ROOT_URLCONF = urls

    def client(self) -> httpx.Client:
        return httpx.Client(transport=httpx.WSGITransport(app=WSGIHandler()), base_url="http://127.0.0.1")


@pytest.fixture
def site(tables: None, settings: Any) -> Site:
    return Site(settings)


@pytest.fixture
def alice(tables: None) -> User:
    return User.objects.create_user("alice", password="secret")


@pytest.fixture
def bob(tables: None) -> User:
    return User.objects.create_user("bob", password="secret")
