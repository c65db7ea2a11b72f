"""Where the views of these tests are."""

from __future__ import annotations

from django.urls import include, path
from rest_framework.routers import SimpleRouter

from tests.openapi import views

router = SimpleRouter(use_regex_path=False)
router.register("orders", views.Orders, basename="order")
router.register("chooses", views.Chooses, basename="choice")

urlpatterns = [
    path("plain/", views.Plain.as_view()),
    path("create/", views.Create.as_view()),
    path("create/leased/", views.Create.as_view(idempotency_policy=views.LEASED)),
    path("inherits/", views.Inherits.as_view()),
    path("function/", views.function),
    path("handlers/", views.Handlers.as_view()),
    path("extended/", views.ExtendedTwice.as_view()),
    path("has-schema/", views.HasSchema.as_view()),
    path("", include(router.urls)),
]
