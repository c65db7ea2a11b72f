from django.contrib import admin

from testproject.surveycoder.models import Coding, Project, Question, Webhook


class ResourceAdmin(admin.ModelAdmin):
    """Shows what callers have made."""

    list_filter = ("organization",)
    list_select_related = True

    def has_add_permission(self, request: object) -> bool:
        # Resources are made over the API.
        return False


@admin.register(Coding)
class CodingAdmin(ResourceAdmin):
    list_display = ("id", "organization", "question", "credits_charged")


@admin.register(Project)
class ProjectAdmin(ResourceAdmin):
    list_display = ("id", "organization", "name")


@admin.register(Question)
class QuestionAdmin(ResourceAdmin):
    list_display = ("id", "organization", "project", "text")


@admin.register(Webhook)
class WebhookAdmin(ResourceAdmin):
    list_display = ("id", "organization", "url")
