from django.contrib import admin

from testproject.payments.models import Charge, Transfer


@admin.register(Charge, Transfer)
class PaymentAdmin(admin.ModelAdmin):
    """Shows what was paid."""

    list_display = ("id", "organization", "amount", "currency", "description", "provider_charge")
    list_filter = ("organization",)
    list_select_related = ("organization",)

    def has_add_permission(self, request: object) -> bool:
        # The provider would know nothing of it.
        return False
