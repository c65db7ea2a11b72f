from django.contrib import admin

from testproject.accounts.models import ApiKey, Balance, Organization


@admin.register(Organization)
class OrganizationAdmin(admin.ModelAdmin):
    list_display = ("name", "slug")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):
    list_display = ("name", "organization", "created_at")
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # A key made here would have no token.
        return False


@admin.register(Balance)
class BalanceAdmin(admin.ModelAdmin):
    list_display = ("organization", "system", "credits")
    list_select_related = ("organization",)
