from django.urls import include, path
from rest_framework.routers import SimpleRouter

from testproject.firsthand import views

router = SimpleRouter(trailing_slash=False)
router.register("jobs", views.Jobs, basename="job")
router.register("api_keys", views.Keys, basename="api-key")
router.register("webhook_endpoints", views.WebhookEndpoints, basename="webhook-endpoint")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/billing", views.Billing.as_view(), name="billing"),
    path("v1/billing/purchase", views.Purchases.as_view(), name="purchase"),
]
