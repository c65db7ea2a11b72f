"""What every page here has in common: it only shows, and from where the records are written."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from ..models import IdempotencyRecord
from ..presets import DEFAULT


def alias() -> str:
    """Where the records are; never a replica, which may not know yet what has become of a request."""
    return IdempotencyRecord.alias(DEFAULT)


if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin


def page(model_admin: "_ModelAdmin", request: Any, name: str, **context: Any) -> TemplateResponse:
    """One of the pages that Django's admin does not have."""
    request.current_app = model_admin.admin_site.name  # as Django's own pages do, for the links in it
    shared = {"opts": model_admin.opts, "media": model_admin.media}
    return TemplateResponse(
        request,
        f"admin/django_idempotency/{name}.html",
        {**model_admin.admin_site.each_context(request), **shared, **context},
    )


class ReadOnlyAdmin(_ModelAdmin):
    """Shows rows that requests, commands and actions have written."""

    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).using(alias())

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
