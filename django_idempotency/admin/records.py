"""The records: the list of them, and one of them from its claim to its end."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.formats import localize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from ..choices import Mode, State
from ..claims.clock import Clock
from ..lookups import outcomes
from ..models import IdempotencyAudit, IdempotencyRecord
from ..resources import Resource
from ..responses import stored_headers
from ..tombstones import Records
from . import actions, bodies, dashboard
from .filters import AgeFilter, EndpointFilter, ModeFilter, ResourceFilter, StateFilter, StatusFilter
from .lists import BoundedPaginator, RecordList
from .reading import ReadOnlyAdmin

NONE = "-"


@admin.register(IdempotencyRecord)
class RecordAdmin(ReadOnlyAdmin):
    """What became of each key. What is done to a record by hand goes through `actions`."""

    list_display = ("standing", "mode", "scope", "endpoint", "key", "age", "ends", "response_status")
    list_filter = (StateFilter, ModeFilter, EndpointFilter, StatusFilter, AgeFilter, ResourceFilter)
    # Only whether there is a search: see RecordList.
    search_fields = ("key",)
    search_help_text = lazy(
        "To the letter: a key, a scope, or an object, as shop.order:17 or by its id alone."
    )
    ordering = ("-created_at",)
    sortable_by = ()
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    actions = tuple(operation.as_action for operation in actions.OPERATIONS)
    fieldsets = (
        (None, {"fields": ("standing", "mode", "scope", "endpoint", "key", "fingerprint")}),
        (lazy("Timeline"), {"fields": ("timeline",)}),
        (lazy("Response"), {"fields": ("response_status", "headers", "body")}),
        (lazy("Object"), {"fields": ("made",)}),
        (lazy("Done by hand"), {"fields": ("lines",)}),
    )
    readonly_fields = ("standing", "timeline", "headers", "body", "made", "lines")

    class Media:
        css: ClassVar[Any] = {"all": ("django_idempotency/admin.css",)}

    # -- What is read ------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Records:
        records: Records = super().get_queryset(request)
        # By the database's clock, like everything that decides.
        return outcomes(records).annotate(now=Clock(), body_size=Length("response_body"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordList]:
        return RecordList

    def get_search_results(
        self, request: HttpRequest, queryset: Records, search_term: str
    ) -> tuple[Records, bool]:
        return queryset, False  # RecordList has done it

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Any other condition would read the whole table.
        return lookup in {each.parameter_name for each in self.list_filter}

    # -- What is shown -----------------------------------------------------------------------------

    @admin.display(description=lazy("state"))
    def standing(self, record: Any) -> SafeString:
        word, kind = _standing(record)
        return format_html('<span class="idempotency-state idempotency-{}">{}</span>', kind, word)

    @admin.display(description=lazy("age"))
    def age(self, record: Any) -> str:
        return timesince(record.created_at, record.now, depth=1)

    @admin.display(description=lazy("expires in"))
    def ends(self, record: Any) -> str:
        if record.expires_at is None:
            return _("never")
        return (
            _("over")
            if record.expires_at <= record.now
            else timesince(record.now, record.expires_at, depth=1)
        )

    @admin.display(description=lazy("what happened"))
    def timeline(self, record: Any) -> SafeString:
        return _listed(_events(record))

    @admin.display(description=lazy("headers"))
    def headers(self, record: IdempotencyRecord) -> SafeString | str:
        return _listed(stored_headers(record.response_headers)) or NONE

    @admin.display(description=lazy("body"))
    def body(self, record: Any) -> SafeString | str:
        if record.body_size is None:
            return _("Not kept.") if record.state == State.COMPLETED.value else NONE
        sealed = _(", encrypted") if record.sealed_with else ""
        url = reverse(f"{self.admin_site.name}:idempotency_body", args=[record.pk])
        return format_html(
            '{} bytes{}. <a href="{}">{}</a>', localize(record.body_size), sealed, url, _("Show it")
        )

    @admin.display(description=lazy("what the request made"))
    def made(self, record: IdempotencyRecord) -> SafeString | str:
        if not record.resource_type:
            return NONE
        name = f"{record.resource_type}:{record.resource_id}"
        gone = _(" (deleted)") if record.resource_deleted_at else ""
        resource = Resource(record.resource_type, record.resource_id, record.resource_database)
        if not gone and not resource.exists():
            gone = _(" (deleted; the next purge empties this record)")
        if gone:
            return f"{name}{gone}"
        try:
            label, model = record.resource_type.split(".")
            url = reverse(f"{self.admin_site.name}:{label}_{model}_change", args=[record.resource_id])
        except NoReverseMatch:  # not in this admin
            return name
        return format_html('<a href="{}">{}</a>', url, name)

    @admin.display(description=lazy("lines"))
    def lines(self, record: IdempotencyRecord) -> SafeString | str:
        found = IdempotencyAudit.objects.using(record._state.db).filter(record=record.pk).order_by("pk")
        return _listed((_time(line.at), f"{line.action}, {line.who}: {line.why}") for line in found) or NONE

    # -- What can be done --------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("act/<slug:name>/", view(self.act), name="idempotency_act"),
            path("purge/", view(self.purge), name="idempotency_purge"),
            path("<str:pk>/body/", view(self.show_body), name="idempotency_body"),
            *super().get_urls(),
        ]

    def act(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """Confirm an action, and carry it out."""
        return actions.act(self, request, name)

    def purge(self, request: HttpRequest) -> HttpResponseBase:
        """Confirm a purge, and let it run for a while."""
        return actions.purge_now(self, request)

    def show_body(self, request: HttpRequest, pk: str) -> HttpResponse:
        """Show a stored body, and write down who has looked."""
        return bodies.show(self, request, pk)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        shown = {
            "may_purge": actions.may(request, "purge_idempotencyrecord"),
            "dashboard": dashboard.look() if request.method == "GET" else None,
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown = {"operations": [each for each in actions.OPERATIONS if each.is_allowed(self, request)]}
        return super().change_view(request, object_id, form_url, {**shown, **(extra_context or {})})

    def has_release_permission(self, request: HttpRequest) -> bool:
        return actions.may(request, "release_idempotencyrecord")

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return actions.may(request, "resolve_idempotencyrecord")

    def has_expire_permission(self, request: HttpRequest) -> bool:
        return actions.may(request, "expire_idempotencyrecord")


def _standing(record: Any) -> tuple[str, str]:
    """What is known by now, in a word, and the class that colours it."""
    if record.is_unknown:
        return _("unknown"), "unknown"
    if record.is_expired:
        return _("expired"), "expired"
    if record.resource_deleted_at is not None:
        return _("object deleted"), "expired"
    return (
        (_("completed"), "completed")
        if record.state == State.COMPLETED.value
        else (_("in flight"), "in-flight")
    )


def _events(record: Any) -> Iterator[tuple[str, str]]:
    yield _time(record.created_at), _("claimed by the first request")
    if record.mode == Mode.LEASED.value:
        yield from _lease(record)
    if record.completed_at is not None:
        yield _time(record.completed_at), _("completed; from here on the response is replayed")
    if record.resource_deleted_at is not None:
        yield (
            _time(record.resource_deleted_at),
            _("its object was found to be deleted; the response was emptied"),
        )
    if record.expires_at is not None and record.state == State.COMPLETED.value:
        yield (
            _time(record.expires_at),
            _("expired: the key is free") if record.is_expired else _("will expire"),
        )


def _lease(record: Any) -> Iterator[tuple[str, str]]:
    held = _("attempt %(attempt)d, by worker %(owner)s") % {"attempt": record.attempt, "owner": record.owner}
    if record.lease_expires_at is None:
        yield NONE, held
    else:
        lapsed = record.lease_expires_at <= record.now
        end = _("lease lapsed: nobody knows what it has done") if lapsed else _("lease ends")
        yield _time(record.lease_expires_at), f"{held}; {end}"
    if record.state == State.UNKNOWN.value:
        yield NONE, _("its worker gave up: nobody knows what it has done")


def _time(moment: datetime) -> str:
    return localtime(moment).isoformat(" ", "milliseconds")


def _listed(pairs: Iterable[tuple[str, str]]) -> SafeString:
    return format_html_join("", '<div class="idempotency-line"><b>{}</b> {}</div>', pairs)
