from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from testproject.hrizn import serializers, views

router = SimpleRouter(trailing_slash=False)
router.register("ideaclouds", views.IdeaClouds, basename="ideacloud")
router.register("content", views.Contents, basename="content")
router.register("inventory/descriptions", views.Descriptions, basename="description")

public: list[URLPattern | URLResolver] = [
    path(
        "ideaclouds/batch",
        views.Batch.as_view(serializer_class=serializers.IdeaCloudBatchSerializer),
        name="ideacloud-batch",
    ),
    path(
        "content/batch",
        views.Batch.as_view(serializer_class=serializers.ArticleBatchSerializer),
        name="content-batch",
    ),
    path(
        "inventory/descriptions/batch",
        views.Batch.as_view(serializer_class=serializers.DescriptionBatchSerializer),
        name="description-batch",
    ),
    path("inventory/<str:vin>/description", views.VehicleDescription.as_view(), name="vehicle-description"),
    # Behind the above, or "batch" would be taken for an identifier.
    path("", include(router.urls)),
]

urlpatterns = [path("v1/public/", include(public))]
