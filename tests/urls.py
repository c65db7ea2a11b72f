"""The endpoints of the tests. Tests that need views of their own set `ROOT_URLCONF` to themselves instead."""

from __future__ import annotations

from django.urls import path

from tests.app import views

urlpatterns = [
    path("pid/", views.pid, name="pid"),
    path("effects/", views.insert_effect, name="insert-effect"),
]
