"""What the page of one record tells of it, in words; judged by the database's clock."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.core.exceptions import ValidationError
from django.db import Error
from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils.translation import gettext as _

from ..choices import Mode
from ..models import IdempotencyAudit
from ..resources import Resource
from ..responses import stored_headers
from .states import EXPIRED, IN_FLIGHT, UNKNOWN, moment, state_of


def advice(record: Any) -> str:
    """What its state means for the client, and what to do."""
    state = state_of(record)
    if state == IN_FLIGHT:
        return _(
            "Attempt %(attempt)d holds the key until %(until)s, and its worker may still finish. Until then a retry is "
            "refused as in flight, and nothing can be done here."
        ) % {"attempt": record.attempt, "until": moment(record.lease_expires_at)}
    if state == UNKNOWN:
        return _(
            "The worker was lost or gave up, and nobody knows what the request has done outside. Find out: a service "
            "that the handler has called knows the request by the key %(key)s. Then release it, if it was not done, or "
            "resolve it, if it was."
        ) % {"key": record.downstream_key()}
    if state == EXPIRED:
        return _("The key is free: its next request runs as a new one. The purge removes this record.")
    until = _("until %s") % moment(record.expires_at) if record.expires_at else _("for ever")
    if record.resource_deleted_at is not None:
        return _("What the request made has been deleted. A retry is told so, %s, and makes nothing.") % until
    if record.body_size is None:
        return _("A retry runs nothing, %s, and is told that the response was not kept.") % until
    return _("A retry runs nothing, %s, and is answered with the stored response.") % until


class Event(NamedTuple):
    """
    Something that happened to a record, or will.

    Attributes:
        at: when; None where that is not written down.
    """

    at: datetime | None
    what: str
    why: str = ""
    ahead: bool = False


def timeline(record: Any, lines: Iterable[IdempotencyAudit]) -> list[Event]:
    """From the first request on, in order; what has no time of its own comes before what lies ahead."""
    events = [*_events(record), *(Event(line.at, f"{line.action}, {line.who}", line.why) for line in lines)]
    events = [event._replace(ahead=event.at is not None and event.at > record.now) for event in events]
    return sorted(events, key=lambda event: event.at or record.now)


def _events(record: Any) -> Iterator[Event]:
    yield Event(record.created_at, _("first request"), _("The key was claimed."))
    if record.mode == Mode.LEASED:
        yield _lease(record)
    if record.completed_at is not None:
        yield Event(record.completed_at, _("completed"), _("Answered with %d.") % record.response_status)
    if record.resource_deleted_at is not None:
        yield Event(record.resource_deleted_at, _("object found deleted"), _("The response was emptied."))
    if record.expires_at is not None:
        yield Event(record.expires_at, *_end(record))


def _lease(record: Any) -> Event:
    held = _("Attempt %(attempt)d, owner %(owner)s.") % {"attempt": record.attempt, "owner": record.owner}
    if record.lease_expires_at is None:
        gave_up = state_of(record) == UNKNOWN
        return Event(None, _("its worker gave up") if gave_up else _("held by a worker"), held)
    if record.lease_expires_at > record.now:
        return Event(record.lease_expires_at, _("lease ends"), held)
    return Event(record.lease_expires_at, _("lease ended, its worker was lost"), held)


def _end(record: Any) -> tuple[str, str]:
    if state_of(record) in (IN_FLIGHT, UNKNOWN):
        return _("end of its lifetime"), _("It stays all the same, until it is settled.")
    if state_of(record) == EXPIRED:
        return _("expired"), _("The key is free.")
    return _("expires"), _("The key is free from then on.")


class Fact(NamedTuple):
    """
    A line.

    Attributes:
        url: where the value leads, if anywhere.
        said: whether it is a sentence, and not a value to be copied.
    """

    name: str
    value: object
    url: str = ""
    said: bool = False


def request_facts(record: Any) -> Iterator[Fact]:
    """What was asked, and by whom."""
    yield Fact(_("Endpoint"), record.endpoint)
    yield Fact(_("Scope"), record.scope)
    yield Fact(_("Key"), record.key)
    yield Fact(_("Id"), record.pk)
    yield Fact(_("Fingerprint"), record.fingerprint)
    if record.mode == Mode.ATOMIC:
        yield Fact(
            _("Mode"), _("atomic: in one transaction, of which nothing is seen before its end"), said=True
        )
    else:
        yield Fact(_("Mode"), _("leased: claimed first, and held by a lease"), said=True)
        yield Fact(_("Key for services"), record.downstream_key())


def response_facts(record: Any) -> Iterator[Fact]:
    """What was answered, but for what may be secret: the body, and the values of headers."""
    if record.completed_at is None:
        yield Fact(_("Status"), _("none yet"), said=True)
        return
    yield Fact(_("Status"), record.response_status)
    names = ", ".join(name for name, _value in stored_headers(record.response_headers))
    yield Fact(_("Headers"), names or _("none"), said=not names)
    size = _("not kept") if record.body_size is None else filesizeformat(record.body_size)
    sealed = _("%(size)s, encrypted with key %(key)s") % {"size": size, "key": record.sealed_with}
    yield Fact(_("Body"), sealed if record.sealed_with else size, said=True)


def object_fact(site: AdminSite, request: HttpRequest, record: Any) -> Fact:
    """What the request made, with its own page where there is one for whoever looks."""
    resource = Resource(record.resource_type, record.resource_id, record.resource_database)
    if not resource.type:
        return Fact(_("Object"), _("bound to none"), said=True)
    name = f"{resource.type}:{resource.id}"
    if record.resource_deleted_at is not None:
        return Fact(_("Object"), _("%s, found deleted") % name, said=True)
    try:
        model = apps.get_model(resource.type)
    except (LookupError, ValueError):
        return Fact(_("Object"), _("%s, and there is no such model: renamed?") % name, said=True)
    try:
        if url := _page(site, request, model, resource.id):
            return Fact(_("Object"), name, url)
        if not resource.exists():
            return Fact(_("Object"), _("%s, deleted; the next purge empties this record") % name, said=True)
    except (Error, ValidationError):  # its database does not answer; or it has another kind of key by now
        pass
    return Fact(_("Object"), name)


def _page(site: AdminSite, request: HttpRequest, model: type[Model], id: str) -> str:
    if not site.is_registered(model):
        return ""
    admin = site.get_model_admin(model)
    instance = admin.get_object(request, id)
    if instance is None or not admin.has_view_or_change_permission(request, instance):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(id)], current_app=site.name)
