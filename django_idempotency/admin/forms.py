"""What is asked before something is done by hand."""

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from ..models import IdempotencyRecord

SALT = "django_idempotency.admin"
# Seconds that a confirmation page may stay open.
OPEN = 24 * 3600


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a record the decision was made by; anything else by now, and nothing is done."""

    pk: str
    state: str
    owner: str | None
    attempt: int
    completed_at: str | None

    @classmethod
    def of(cls, record: IdempotencyRecord) -> "Seen":
        completed: datetime | None = record.completed_at
        return cls(
            record.pk,
            record.state,
            None if record.owner is None else record.owner.hex,
            record.attempt,
            None if completed is None else completed.isoformat(),
        )

    def put_back(self, record: IdempotencyRecord) -> IdempotencyRecord:
        """The record, as it was seen."""
        record.state, record.attempt = self.state, self.attempt
        record.owner = UUID(self.owner) if self.owner else None
        record.completed_at = parse_datetime(self.completed_at) if self.completed_at else None
        return record


def sign(records: Iterable[IdempotencyRecord]) -> str:
    """What was seen, for the way through a page and back."""
    return signing.dumps([astuple(Seen.of(record)) for record in records], salt=SALT, compress=True)


class ReasonForm(forms.Form):
    """Why, and what was seen."""

    why = forms.CharField(
        label=_("Why"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=_("Kept with your name: somebody will ask."),
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_seen(self) -> list[Seen]:
        try:
            return [Seen(*each) for each in signing.loads(self.cleaned_data["seen"], salt=SALT, max_age=OPEN)]
        except signing.BadSignature as error:
            raise ValidationError(_("This page is too old. Go back to the list, and look again.")) from error


class ResolveForm(ReasonForm):
    """The response that the request should have had."""

    status = forms.IntegerField(
        label=_("Status"), min_value=200, max_value=399, initial=200, help_text=_("Of a success: 200 to 399.")
    )
    content_type = forms.CharField(label=_("Content-Type"), initial="application/json", required=False)
    location = forms.CharField(label=_("Location"), required=False)
    body = forms.CharField(
        label=_("Body"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
        help_text=_("As the client is to get it, with each retry."),
    )
    field_order = ("status", "content_type", "location", "body", "why")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if "json" in given.get("content_type", "") and given.get("body"):
            try:
                json.loads(given["body"])
            except ValueError as error:
                self.add_error("body", _("This is no JSON: %(error)s.") % {"error": error})
        return given

    def response(self) -> HttpResponse:
        """The response that was typed in."""
        given = self.cleaned_data
        response = HttpResponse(
            given["body"], status=given["status"], content_type=given["content_type"] or None
        )
        if given["location"]:
            response.headers["Location"] = given["location"]
        return response
