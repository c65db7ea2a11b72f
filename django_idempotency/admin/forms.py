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
from django.core.validators import RegexValidator
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from ..models import IdempotencyRecord
from ..policy import IdempotencyPolicy
from ..presets import DEFAULT
from ..routes import policy_of
from .bodies import is_json
from .reading import alias

SALT = "django_idempotency.admin"
# Seconds that a confirmation page may stay open.
OPEN = 24 * 3600
BODYLESS = frozenset({204, 205, 304})


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
    """Why it is done."""

    why = forms.CharField(
        label=lazy("Why"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=lazy("Kept with your name: somebody will ask."),
    )


class SeenForm(ReasonForm):
    """Why, and to what was seen."""

    seen = forms.CharField(widget=forms.HiddenInput)

    def clean_seen(self) -> list[Seen]:
        try:
            return [Seen(*each) for each in signing.loads(self.cleaned_data["seen"], salt=SALT, max_age=OPEN)]
        except signing.BadSignature as error:
            raise ValidationError(_("What was seen cannot be read back.")) from error


one_line = RegexValidator(r"^[\x20-\x7e]*\Z", lazy("Printable ASCII, on one line."))


class ResolveForm(SeenForm):
    """The response that the request should have had."""

    status = forms.IntegerField(label=lazy("Status"), min_value=200, max_value=599, initial=200)
    content_type = forms.CharField(
        label=lazy("Content-Type"), initial="application/json", required=False, validators=[one_line]
    )
    location = forms.CharField(label=lazy("Location"), required=False, validators=[one_line])
    body = forms.CharField(
        label=lazy("Body"),
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
        help_text=lazy("As the client is to get it, with each retry."),
    )
    field_order = ("status", "content_type", "location", "body", "why")

    @cached_property
    def policy(self) -> IdempotencyPolicy:
        """The policy of the record's endpoint as it is now; the default where no route has that name any more."""
        records = IdempotencyRecord.objects.using(alias()).filter(pk=self.cleaned_data["seen"][0].pk)
        endpoint = records.values_list("endpoint", flat=True).first()
        return (endpoint and policy_of(endpoint)) or DEFAULT

    def clean_body(self) -> str:
        # As it was typed: browsers send the end of a line as two characters.
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.errors:
            return self.cleaned_data
        status = self.cleaned_data["status"]
        if not self.policy.keeps(status):
            kept = {"status": status, "kept": self.policy.kept}
            self.add_error(
                "status", _("No %(status)d is ever stored for this endpoint: only %(kept)s.") % kept
            )
        elif fault := self._fault():
            self.add_error("body", fault)
        return self.cleaned_data

    def _fault(self) -> str:
        """What is wrong with the body; nothing, if nothing is."""
        given = self.cleaned_data
        status: int = given["status"]
        if given["body"] and status in BODYLESS:
            return _("A response with status %d has none.") % status
        try:
            body = self.response().content
            if given["body"] and is_json(given["content_type"]):
                json.loads(body)
        except (LookupError, UnicodeError):
            return _("It cannot be written in the charset of its Content-Type.")
        except (ValueError, RecursionError) as error:
            return _("This is no JSON: %s.") % error
        if len(body) > self.policy.max_body_size:
            return _("It is larger than %d bytes, and would not be kept.") % self.policy.max_body_size
        return ""

    def response(self) -> HttpResponse:
        """The response that was typed in."""
        given = self.cleaned_data
        response = HttpResponse(
            given["body"], status=given["status"], content_type=given["content_type"] or None
        )
        if not given["content_type"]:
            del response.headers["Content-Type"]
        if given["location"]:
            response.headers["Location"] = given["location"]
        return response
