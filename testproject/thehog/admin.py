from django.contrib import admin

from testproject.thehog.models import Operation


@admin.register(Operation)
class OperationAdmin(admin.ModelAdmin):
    """Shows what callers have ordered, and what became of it."""

    list_display = ("id", "organization", "type", "status", "attempt", "runs", "stirred_at")
    list_filter = ("organization", "type", "status")
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # Jobs are made over the API.
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        # A worker may be at it.
        return False
