from django.urls import include, path
from rest_framework.routers import SimpleRouter

from testproject.payments import views

router = SimpleRouter(trailing_slash=False)
router.register("charges", views.Charges, basename="charge")
router.register("transfers", views.Transfers, basename="transfer")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/provider", views.Provider.as_view(), name="provider"),
]
