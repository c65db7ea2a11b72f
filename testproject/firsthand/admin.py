from django.contrib import admin

from testproject.firsthand.models import IssuedKey, Job, Purchase, WebhookEndpoint


class ResourceAdmin(admin.ModelAdmin):
    """Shows what callers have made."""

    list_filter = ("organization",)
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # Resources are made over the API.
        return False


@admin.register(Job)
class JobAdmin(ResourceAdmin):
    list_display = ("id", "organization", "description", "status", "ratings", "cancellations")


@admin.register(IssuedKey)
class IssuedKeyAdmin(ResourceAdmin):
    list_display = ("id", "organization", "name")


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ResourceAdmin):
    list_display = ("id", "organization", "url")


@admin.register(Purchase)
class PurchaseAdmin(ResourceAdmin):
    list_display = ("id", "organization", "credits", "balance")
