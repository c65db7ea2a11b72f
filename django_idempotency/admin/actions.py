"""
What can be done to records by hand: shown first, with what will happen to each, then done with a reason.

Nothing is decided here: `resolution` does it, or says why not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from .. import purge, resolution
from ..choices import State
from ..exceptions import ResolutionRefused
from ..models import IdempotencyRecord
from .forms import ReasonForm, ResolveForm, sign
from .reading import alias

# Records at once: each is written to by itself.
MOST = 100
# Seconds that a purge runs for from here, well within what a web server lets a request take.
PURGE = 10.0

TEMPLATES = "admin/django_idempotency"


@dataclass(frozen=True, slots=True)
class Operation:
    """
    One thing that can be done.

    Attributes:
        name: in URLs, and for its permission.
        title: what it is called.
        effect: what will happen to a record, in a sentence.
        form: what is asked.
        perform: (record as it was seen, form, who) does it, or raises ResolutionRefused.
        refusal: why it will not be done to a record, as far as that can be seen; None where it can.
        most: to how many records at once.
    """

    name: str
    title: Any
    effect: Any
    form: type[ReasonForm]
    perform: Callable[[IdempotencyRecord, Any, str], None]
    refusal: Callable[[Any], str | None]
    most: int = MOST

    @property
    def as_action(self) -> Any:
        """For the list's menu."""

        @admin.action(description=self.title, permissions=[self.name])
        def action(model_admin: Any, request: HttpRequest, records: Any) -> HttpResponseBase | None:
            chosen = list(records[: self.most + 1])
            if len(chosen) > self.most:
                text = _("%(title)s: select at most %(most)d.")
                messages.error(request, text % {"title": self.title, "most": self.most})
                return None
            return _confirm(model_admin, request, self, chosen)

        action.__name__ = self.name
        return action

    def is_allowed(self, model_admin: Any, request: HttpRequest) -> bool:
        """Whether the user may do it at all."""
        return bool(getattr(model_admin, f"has_{self.name}_permission")(request))


def _not_unknown(record: Any) -> str | None:
    if record.is_unknown:
        return None
    if record.state == State.COMPLETED.value:
        return _("It is completed; nothing is unknown about it.")
    return _(
        "It is in flight: its lease still runs, and its worker may finish it. Wait for the lease to end."
    )


def _not_completed(record: Any) -> str | None:
    if record.is_expired:
        return _("It has expired already: its key is free.")
    if record.state == State.COMPLETED.value:
        return None
    return _("Its outcome is unknown: resolve it.") if record.is_unknown else _("It is in flight.")


OPERATIONS = (
    Operation(
        "release",
        lazy("Release: nothing was done"),
        lazy("The key becomes free, and the next request with it runs, as if there had been none before."),
        ReasonForm,
        lambda record, form, who: resolution.release(record, who=who, why=form.cleaned_data["why"]),
        _not_unknown,
    ),
    Operation(
        "resolve",
        lazy("Resolve: it was done"),
        lazy("From now on the key is answered with the response below, and nothing runs."),
        ResolveForm,
        lambda record, form, who: resolution.complete(
            record, form.response(), who=who, why=form.cleaned_data["why"]
        ),
        _not_unknown,
        most=1,
    ),
    Operation(
        "expire",
        lazy("Expire now"),
        lazy(
            "The stored response is given up: the next request with the key runs, and makes its object again."
        ),
        ReasonForm,
        lambda record, form, who: resolution.expire(record, who=who, why=form.cleaned_data["why"]),
        _not_completed,
    ),
)


def may(request: HttpRequest, codename: str) -> bool:
    """Whether the user has a permission of this app, and is a member of the staff to begin with."""
    user = request.user
    return user.is_active and user.is_staff and user.has_perm(f"django_idempotency.{codename}")


def act(model_admin: Any, request: HttpRequest, name: str) -> HttpResponseBase:
    """The page that asks, and what follows from its answer."""
    operation = next((each for each in OPERATIONS if each.name == name), None)
    if operation is None:
        raise Http404
    if not operation.is_allowed(model_admin, request):
        raise PermissionDenied
    if request.method != "POST":
        records = model_admin.get_queryset(request).filter(pk__in=request.GET.getlist("id")[: operation.most])
        return _confirm(model_admin, request, operation, list(records))
    form = operation.form(request.POST)
    if not form.is_valid():
        pks = [seen.pk for seen in form.cleaned_data.get("seen", [])]
        records = model_admin.get_queryset(request).filter(pk__in=pks)
        return _confirm(model_admin, request, operation, list(records), form)
    _perform(model_admin, request, operation, form)
    return HttpResponseRedirect(_list_of(model_admin))


def _confirm(
    model_admin: Any,
    request: HttpRequest,
    operation: Operation,
    records: list[Any],
    form: ReasonForm | None = None,
) -> HttpResponseBase:
    doable = [record for record in records if operation.refusal(record) is None]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": operation.title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "operation": operation,
        "records": [(record, operation.refusal(record), model_admin.standing(record)) for record in records],
        "doable": doable,
        "form": form or operation.form(initial={"seen": sign(doable)}),
        "url": reverse(f"{model_admin.admin_site.name}:idempotency_act", args=[operation.name]),
        "list_url": _list_of(model_admin),
    }
    return TemplateResponse(request, f"{TEMPLATES}/confirm.html", context)


def _perform(model_admin: Any, request: HttpRequest, operation: Operation, form: Any) -> None:
    who = f"admin:{request.user.get_username()}"
    why = form.cleaned_data["why"]
    every = IdempotencyRecord.objects.using(alias())
    for seen in form.cleaned_data["seen"]:
        record = every.filter(pk=seen.pk).first()
        name = seen.pk[:24] if record is None else f"{record.endpoint}, {record.key}"
        try:
            if record is None:
                raise ResolutionRefused(resolution.GONE)
            operation.perform(seen.put_back(record), form, who)
        except ResolutionRefused as refused:
            messages.error(request, f"{name}: {refused}")
        else:
            model_admin.log_change(request, record, f"{operation.title}: {why}")
            messages.success(request, f"{name}: {operation.title}")


def purge_now(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask, and let the purge run for some seconds."""
    if not may(request, "purge_idempotencyrecord"):
        raise PermissionDenied
    if request.method != "POST":
        context = {
            **model_admin.admin_site.each_context(request),
            "title": _("Purge now"),
            "opts": model_admin.opts,
            "media": model_admin.media,
            "seconds": PURGE,
            "list_url": _list_of(model_admin),
        }
        return TemplateResponse(request, f"{TEMPLATES}/purge.html", context)
    purged = purge.purge(database=alias(), seconds=PURGE)
    done = _("Purged: %(expired)d expired records removed, %(tombstones)d tombstones made.")
    text = done % {"expired": purged.expired, "tombstones": purged.tombstones}
    if not purged.finished:
        text = f"{text} {_('There is more.')}"
    LogEntry.objects.create(
        user_id=int(request.user.pk or 0),
        content_type=ContentType.objects.get_for_model(IdempotencyRecord),
        object_repr=_("idempotency records"),
        action_flag=CHANGE,
        change_message=text,
    )
    messages.success(request, text)
    return HttpResponseRedirect(_list_of(model_admin))


def _list_of(model_admin: Any) -> str:
    return reverse(f"{model_admin.admin_site.name}:django_idempotency_idempotencyrecord_changelist")
