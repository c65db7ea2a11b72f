"""What was done by hand, and by the purge: one line each."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from ..exceptions import ScopeRequired
from ..identity import span
from ..models import IdempotencyAudit, IdempotencyPurge, IdempotencyRecord
from .reading import ReadOnlyAdmin


@admin.register(IdempotencyAudit)
class AuditAdmin(ReadOnlyAdmin):
    """Who did what to which record, and why. The record may be gone."""

    list_display = ("at", "action", "who", "why", "scope", "endpoint", "record_link")
    list_filter = ("action", "at")
    ordering = ("-pk",)
    search_fields = ("record",)
    search_help_text = _("A scope, or the id of a record, to the letter.")
    fields = ("at", "action", "who", "why", "scope", "endpoint", "record_link", "attempt")
    readonly_fields = fields

    @admin.display(description=_("record"))
    def record_link(self, line: IdempotencyAudit) -> str:
        if not line.record:
            return "-"  # of a purge
        if not IdempotencyRecord.objects.using(line._state.db).filter(pk=line.record).exists():
            return line.record
        name = "admin:django_idempotency_idempotencyrecord_change"
        url = reverse(name, args=[line.record], current_app=self.admin_site.name)
        return format_html('<a href="{}">{}</a>', url, line.record)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term:
            return queryset, False
        try:
            first, last = span(search_term)
        except ScopeRequired:
            return queryset.none(), False
        found = Q(record__gte=first, record__lt=last, scope=search_term)
        if search_term.isascii():  # MariaDB and MySQL cannot compare the other texts with an id
            found |= Q(record=search_term)
        return queryset.filter(found), False


@admin.register(IdempotencyPurge)
class PurgeAdmin(ReadOnlyAdmin):
    """The runs of the purge, the newest first."""

    list_display = ("began_at", "ended_at", "expired", "tombstones")
    ordering = ("-pk",)
    fields = ("began_at", "ended_at", "expired", "tombstones", "resource_type", "resource_id")
    readonly_fields = fields
