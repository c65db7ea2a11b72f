"""What the server of a benchmark serves."""

from __future__ import annotations

from django.urls import path

from benchmarks.variants import guarded_view

urlpatterns = [path("insert/", guarded_view())]
