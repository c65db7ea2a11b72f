"""What the server of a benchmark serves."""

from __future__ import annotations

from django.urls import path

from benchmarks.variants import guarded_view, leased_view

urlpatterns = [path("insert/", guarded_view()), path("leased/", leased_view())]
