from django.urls import include, path
from rest_framework.routers import SimpleRouter

from testproject.thehog import views

router = SimpleRouter(trailing_slash=False)
router.register("operations", views.Operations, basename="operation")

urlpatterns = [
    path("api/", include(router.urls)),
    path("api/people/enrich", views.Enrich.as_view(), name="enrich"),
    path("api/generate", views.Generate.as_view(), name="generate"),
    path("api/deep-research", views.DeepResearch.as_view(), name="deep-research"),
    path("api/credits", views.Credits.as_view(), name="credits"),
]
