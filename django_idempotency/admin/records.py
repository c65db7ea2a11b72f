"""The records: the list of them, and one of them from its claim to its end."""

from functools import reduce
from typing import Any, ClassVar

from django.contrib import admin
from django.db import connections
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from ..models import IdempotencyAudit, IdempotencyRecord
from ..tombstones import Records
from . import actions, bodies, dashboard
from .details import advice, object_fact, request_facts, response_facts, timeline
from .filters import FILTERS
from .lists import BoundedPaginator, RecordList
from .reading import ReadOnlyAdmin
from .search import HELP
from .states import IN_FLIGHT, UNKNOWN, WORDS, apart, measured, moment, seen, state_of


@admin.register(IdempotencyRecord)
class RecordAdmin(ReadOnlyAdmin):
    """What became of each key. What is done to a record by hand goes through `actions`."""

    list_display = ("standing", "mode", "scope", "endpoint", "shown_key", "age", "ends", "response_status")
    list_display_links = ("standing", "shown_key")
    list_filter = FILTERS
    # Only that there is a search: see RecordList.
    search_fields = ("key",)
    search_help_text = HELP
    ordering = ("-created_at",)
    sortable_by = ()
    paginator = BoundedPaginator
    show_facets = admin.ShowFacets.NEVER
    actions = tuple(operation.as_action for operation in actions.OPERATIONS)

    class Media:
        css: ClassVar[Any] = {"all": ("django_idempotency/admin.css",)}

    # -- The list ----------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> Records:
        return seen(super().get_queryset(request))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RecordList]:
        return RecordList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # Any other condition would read the whole table, and could find out a stored response bit by bit.
        return lookup in {each.parameter_name for each in FILTERS}

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        # Who looks for something does not wait for the figures.
        overview = request.method == "GET" and not request.GET and self.has_view_permission(request)
        shown = {
            "may_purge": self.has_purge_permission(request),
            "dashboard": dashboard.look() if overview else None,
        }
        return super().changelist_view(request, {**shown, **(extra_context or {})})

    @admin.display(description=lazy("state"))
    def standing(self, record: IdempotencyRecord) -> SafeString:
        state = state_of(record)
        return format_html('<span class="idempotency-state idempotency-{}">{}</span>', state, WORDS[state])

    @admin.display(description=lazy("key"))
    def shown_key(self, record: IdempotencyRecord) -> SafeString:
        return format_html('<code class="idempotency-value">{}</code>', record.key)

    @admin.display(description=lazy("age"))
    def age(self, record: Any) -> SafeString:
        at = record.created_at
        return format_html('<span title="{}">{}</span>', moment(at), apart(at, record.now))

    @admin.display(description=lazy("expires in"))
    def ends(self, record: Any) -> SafeString | str:
        at = record.expires_at
        if state_of(record) in (UNKNOWN, IN_FLIGHT):
            return "-"
        if at is None:
            return _("never")
        words = _("over") if at <= record.now else apart(at, record.now)
        return format_html('<span title="{}">{}</span>', moment(at), words)

    # -- One record --------------------------------------------------------------------------------

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        return measured(self.get_queryset(request)).filter(pk=object_id).first()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return ()  # its template shows what follows

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        lines = IdempotencyAudit.objects.using(obj._state.db).filter(record=obj.pk).order_by("pk")
        shown = {
            "subtitle": obj.endpoint,
            "state": state_of(obj),
            "word": WORDS[state_of(obj)],
            "advice": advice(obj),
            "operations": [
                (each, each.refusal(obj)) for each in actions.OPERATIONS if each.is_allowed(self, request)
            ],
            "timeline": timeline(obj, lines),
            "facts": (
                (_("Request"), [*request_facts(obj), object_fact(self.admin_site, request, obj)]),
                (_("Response"), list(response_facts(obj))),
            ),
            "may_view_response": self.has_view_response_permission(request),
        }
        return super().render_change_form(request, {**context, **shown}, add, change, form_url, obj)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        # Its batches are short transactions, not one of all of them, as ATOMIC_REQUESTS would make it.
        purge = reduce(
            lambda each, name: non_atomic_requests(using=name)(each), connections, view(self.purge)
        )
        return [
            path("act/<slug:name>/", view(self.act), name="idempotency_act"),
            path("purge/", purge, name="idempotency_purge"),
            path("<path:object_id>/response/", view(self.response), name="idempotency_response"),
            *super().get_urls(),
        ]

    def act(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """Confirm an action, and carry it out."""
        return actions.act(self, request, name)

    def purge(self, request: HttpRequest) -> HttpResponseBase:
        """Confirm a purge, and let it run for a while."""
        return actions.purge_now(self, request)

    def response(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show a stored response, and write down who has looked."""
        return bodies.show(self, request, object_id)

    # -- Who may do what ---------------------------------------------------------------------------

    def has_view_response_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "view_response_body")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "release_idempotencyrecord")

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "resolve_idempotencyrecord")

    def has_expire_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "expire_idempotencyrecord")

    def has_purge_permission(self, request: HttpRequest) -> bool:
        return self._may(request, "purge_idempotencyrecord")

    def _may(self, request: HttpRequest, permission: str) -> bool:
        # What is done to a record is shown first, so that nobody does it who may not see it.
        return self.has_view_permission(request) and request.user.has_perm(
            f"{self.opts.app_label}.{permission}"
        )
