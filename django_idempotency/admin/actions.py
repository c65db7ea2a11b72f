"""
What can be done to records by hand: shown first, with what will happen to each, then done with a reason.

Nothing is decided here: `resolution` does it, or says why not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from .. import purge, resolution
from ..exceptions import ResolutionRefused
from ..models import IdempotencyAudit, IdempotencyPurge, IdempotencyRecord
from .forms import ReasonForm, ResolveForm, SeenForm, sign
from .reading import alias, page
from .states import EXPIRED, IN_FLIGHT, UNKNOWN, WORDS, moment, state_of

# Records at once: each is written to by itself.
MOST = 100
# Seconds that a purge runs for from here, well within what a web server lets a request take.
PURGE = 10.0


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
        refusal: why it will not be done to a record, as far as that can be seen; nothing where it can.
        most: to how many records at once.
    """

    name: str
    title: Any
    effect: Any
    form: type[SeenForm]
    perform: Callable[[IdempotencyRecord, Any, str], None]
    refusal: Callable[[Any], str]
    most: int = MOST

    @property
    def as_action(self) -> Any:
        """For the list's menu."""

        @admin.action(description=self.title, permissions=[self.name])
        def action(model_admin: Any, request: HttpRequest, records: Any) -> HttpResponseBase | None:
            # Not `records`, which the filters have narrowed: one that has changed since is there to be told of.
            chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
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


def _not_unknown(record: Any) -> str:
    state = state_of(record)
    if state == UNKNOWN:
        return ""
    return _in_flight(record) if state == IN_FLIGHT else _("It is completed; nothing is unknown about it.")


def _not_completed(record: Any) -> str:
    state = state_of(record)
    if state == UNKNOWN:
        return _("Its outcome is unknown: resolve it, or release it.")
    if state == EXPIRED:
        return _("It has expired already: its key is free.")
    return _in_flight(record) if state == IN_FLIGHT else ""


def _in_flight(record: Any) -> str:
    return _("It is in flight: attempt %(attempt)d holds it until %(until)s, and may finish it. Wait.") % {
        "attempt": record.attempt,
        "until": moment(record.lease_expires_at),
    }


OPERATIONS = (
    Operation(
        "release",
        lazy("Release: nothing was done"),
        lazy("The key becomes free, and the next request with it runs, as if there had been none before."),
        SeenForm,
        lambda record, form, who: resolution.release(record, who=who, why=form.cleaned_data["why"]),
        _not_unknown,
    ),
    Operation(
        "resolve",
        lazy("Resolve: it was done"),
        lazy("From now on the key is answered with the response below, and nothing runs."),
        ResolveForm,
        lambda record, form, who: resolution.complete(
            record, form.response(), who=who, why=form.cleaned_data["why"], policy=form.policy
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
        SeenForm,
        lambda record, form, who: resolution.expire(record, who=who, why=form.cleaned_data["why"]),
        _not_completed,
    ),
)


def act(model_admin: Any, request: HttpRequest, name: str) -> HttpResponseBase:
    """The page that asks, and what follows from its answer."""
    operation = next((each for each in OPERATIONS if each.name == name), None)
    if operation is None:
        raise Http404
    if not operation.is_allowed(model_admin, request):
        raise PermissionDenied
    if request.method != "POST":
        return _confirm(model_admin, request, operation, request.GET.getlist("id")[: operation.most])
    form = operation.form(request.POST)
    if form.is_valid():
        _perform(model_admin, request, operation, form)
    elif "seen" in form.errors:
        messages.error(request, _("That page is too old. Nothing was done: look again."))
    else:
        pks = [seen.pk for seen in form.cleaned_data["seen"]]
        return _confirm(model_admin, request, operation, pks, form)
    return HttpResponseRedirect(_list_of(model_admin))


def _confirm(
    model_admin: Any,
    request: HttpRequest,
    operation: Operation,
    pks: Iterable[str],
    form: SeenForm | None = None,
) -> HttpResponseBase:
    records = list(model_admin.get_queryset(request).filter(pk__in=pks).order_by("-created_at", "pk"))
    doable = [record for record in records if not operation.refusal(record)]
    return page(
        model_admin,
        request,
        "confirm",
        title=operation.title,
        operation=operation,
        records=[(each, operation.refusal(each), state_of(each), WORDS[state_of(each)]) for each in records],
        doable=doable,
        # After a mistake in it, the one that was sent: with what was seen at first.
        form=form or operation.form(initial={"seen": sign(doable)}),
    )


def _perform(model_admin: Any, request: HttpRequest, operation: Operation, form: Any) -> None:
    why = form.cleaned_data["why"]
    every = IdempotencyRecord.objects.using(alias())
    for seen in form.cleaned_data["seen"]:
        record = every.filter(pk=seen.pk).defer("response_body").first()
        name = seen.pk[:24] if record is None else f"{record.endpoint}, {record.key}"
        try:
            if record is None:
                raise ResolutionRefused(resolution.GONE)
            operation.perform(seen.put_back(record), form, _who(request))
        except ResolutionRefused as refused:
            messages.error(request, f"{name}: {refused}")
        else:
            model_admin.log_change(request, record, f"{operation.title}: {why}")
            messages.success(request, f"{name}: {operation.title}")


def purge_now(model_admin: Any, request: HttpRequest) -> HttpResponseBase:
    """Ask, and let the purge run for some seconds."""
    if not model_admin.has_purge_permission(request):
        raise PermissionDenied
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return page(model_admin, request, "purge", title=_("Purge now"), form=form, seconds=int(PURGE))
    why = form.cleaned_data["why"]
    IdempotencyAudit.objects.using(alias()).create(action="purged", attempt=0, who=_who(request), why=why)
    purged = purge.purge(database=alias(), seconds=PURGE)
    done = _("Purged: %(expired)d expired records removed, %(tombstones)d tombstones made.")
    text = done % {"expired": purged.expired, "tombstones": purged.tombstones}
    if not purged.finished:
        text = f"{text} {_('There is more.')}"
    run = IdempotencyPurge.objects.using(alias()).latest("pk")
    model_admin.log_change(request, run, f"{_('Purge now')}: {why} {text}")
    messages.success(request, text)
    return HttpResponseRedirect(_list_of(model_admin))


def _who(request: HttpRequest) -> str:
    return f"admin:{request.user.get_username()}"


def _list_of(model_admin: Any) -> str:
    name = "admin:django_idempotency_idempotencyrecord_changelist"
    return reverse(name, current_app=model_admin.admin_site.name)
