from django.contrib import admin

from testproject.hrizn.models import Content, Description, IdeaCloud


class ResourceAdmin(admin.ModelAdmin):
    """Shows what callers have made."""

    list_filter = ("organization",)
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # Resources are made over the API.
        return False


@admin.register(IdeaCloud)
class IdeaCloudAdmin(ResourceAdmin):
    list_display = ("id", "organization", "keyword")


@admin.register(Content)
class ContentAdmin(ResourceAdmin):
    list_display = (
        "id",
        "organization",
        "content_kind",
        "title",
        "generations",
        "compliance_checks",
        "content_tools",
    )


@admin.register(Description)
class DescriptionAdmin(ResourceAdmin):
    list_display = ("id", "organization", "vin")
