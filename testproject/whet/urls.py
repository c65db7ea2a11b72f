from django.urls import include, path
from rest_framework.routers import SimpleRouter

from testproject.whet import views

router = SimpleRouter(trailing_slash=False)
router.register("pipelines", views.Pipelines, basename="pipeline")
router.register("artifacts", views.Artifacts, basename="artifact")
router.register("accounts", views.Accounts, basename="account")

urlpatterns = [
    # Before the items, for which "from-intent" and "connect" would pass.
    path("pipelines/from-intent", views.FromIntent.as_view(), name="pipelines_from_intent"),
    path("posts/<str:post_id>/draft", views.Draft.as_view(), name="posts_draft"),
    path("artifacts/<str:artifact_id>/publish", views.Publish.as_view(), name="artifacts_publish"),
    path("accounts/connect", views.Connect.as_view(), name="accounts_connect"),
    path("fetch", views.Fetch.as_view(), name="fetch"),
    path("pipelines/<slug:pipeline_id>/inbox", views.Inbox.as_view(), name="inbox"),
    path("", include(router.urls)),
]
