"""One URL: the view, as the contestant guards it."""

from __future__ import annotations

from django.urls import path

from benchmarks.race.project import CONTESTANT
from benchmarks.race.shop.views import Create

urlpatterns = [path("payments/", CONTESTANT.view(Create), name="payments")]
