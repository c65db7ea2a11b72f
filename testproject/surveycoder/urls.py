from django.urls import include, path
from rest_framework.routers import SimpleRouter

from testproject.surveycoder import views

router = SimpleRouter(trailing_slash=False)
router.register("code", views.Codings, basename="code")
router.register("projects", views.Projects, basename="project")
router.register("questions", views.Questions, basename="question")
router.register("webhooks", views.Webhooks, basename="webhook")

urlpatterns = [
    path("v1/", include(router.urls)),
    path("v1/credits", views.Credits.as_view(), name="credits"),
]
