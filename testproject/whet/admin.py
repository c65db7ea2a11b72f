from django.contrib import admin

from testproject.whet.models import Account, Artifact, Pipeline, Post, Publication


class ResourceAdmin(admin.ModelAdmin):
    """Shows what callers have made."""

    list_filter = ("organization",)
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # Resources are made over the API.
        return False


@admin.register(Pipeline)
class PipelineAdmin(ResourceAdmin):
    list_display = ("id", "organization", "handle", "intent", "status")


@admin.register(Post)
class PostAdmin(ResourceAdmin):
    list_display = ("id", "organization", "pipeline_id")


@admin.register(Artifact)
class ArtifactAdmin(ResourceAdmin):
    list_display = ("id", "organization", "post_id", "url", "intent", "status")


@admin.register(Publication)
class PublicationAdmin(ResourceAdmin):
    list_display = ("id", "organization", "artifact_id", "status")


@admin.register(Account)
class AccountAdmin(ResourceAdmin):
    list_display = ("id", "organization", "provider")
