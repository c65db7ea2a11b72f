"""A stored response, for the eyes of those who may; who has looked is written down."""

import json
import logging
from contextlib import suppress
from email.message import Message
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from ..ciphers import Unreadable, open_body
from ..models import IdempotencyRecord
from ..responses import stored_headers
from .actions import TEMPLATES, may
from .reading import alias

logger = logging.getLogger("django_idempotency")

# Characters of text, or bytes of anything else, that a page shows.
TEXT = 64 * 1024
BYTES = 512
ROW = 16


class Shown(NamedTuple):
    """
    A body as a page shows it.

    Attributes:
        kind: what it was taken for.
        left: how many characters, or bytes, are not shown.
    """

    kind: str
    text: str
    left: int


def show(model_admin: Any, request: HttpRequest, pk: str) -> HttpResponse:
    """The page."""
    if not may(request, "view_response_body") or not model_admin.has_view_permission(request):
        raise PermissionDenied
    record = IdempotencyRecord.objects.using(alias()).filter(pk=pk, response_body__isnull=False).first()
    if record is None:
        raise Http404(_("There is no such body."))
    # First: nobody looks without having been written down.
    model_admin.log_change(request, record, _("Looked at the stored response body"))
    logger.info("User %s looked at the stored body of record %s.", request.user.pk, record.pk[:24])
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Stored response"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "record": record,
        "shown": _shown(record),
        "record_url": reverse(
            f"{model_admin.admin_site.name}:django_idempotency_idempotencyrecord_change", args=[record.pk]
        ),
    }
    return TemplateResponse(request, f"{TEMPLATES}/body.html", context)


@sensitive_variables()
def _shown(record: IdempotencyRecord) -> Shown:
    try:
        body = open_body(record.pk, bytes(record.response_body or b""), record.sealed_with)
    except Unreadable as error:
        return Shown(_("It cannot be decrypted: %(error)s.") % {"error": error}, "", 0)
    headers = {name.lower(): value for name, value in stored_headers(record.response_headers)}
    if "content-encoding" in headers:
        return _dump(body, headers["content-encoding"])
    return present(body, headers.get("content-type", ""))


@sensitive_variables()
def present(body: bytes, content_type: str) -> Shown:
    """Show a body as what its type says, where it is that: JSON with its structure, text as it is; else its bytes."""
    parsed = Message()
    parsed["Content-Type"] = content_type
    kind = parsed.get_content_type() if content_type else ""
    try:
        text = body.decode(parsed.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return _dump(body, kind)
    if "json" in kind:
        with suppress(ValueError, RecursionError):  # as it is, then
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    elif not kind.startswith("text/") and not text.isprintable():
        return _dump(body, kind)
    return Shown(kind, text[:TEXT], max(0, len(text) - TEXT))


def _dump(body: bytes, kind: str) -> Shown:
    rows = []
    for at in range(0, min(len(body), BYTES), ROW):
        row = body[at : at + ROW]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{at:08x}  {row.hex(' '):<{3 * ROW}} {letters}")
    return Shown(kind or _("bytes"), "\n".join(rows), max(0, len(body) - BYTES))
