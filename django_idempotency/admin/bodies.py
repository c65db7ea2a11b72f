"""A stored response, for the eyes of those who may; who has looked is written down."""

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.admin.utils import unquote
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from ..ciphers import Unreadable, open_body
from ..responses import stored_headers
from .reading import page

if TYPE_CHECKING:
    from .records import RecordAdmin

logger = logging.getLogger("django_idempotency")

# Characters of text, or bytes of anything else, that a page shows.
TEXT = 64 * 1024
BYTES = 512
ROW = 16


class Shown(NamedTuple):
    """
    A body as a page shows it.

    Attributes:
        kind: "JSON", "text" or "bytes"; empty where there is none to be shown.
        note: why there is none, or what was done to it.
        left: how many characters, or bytes, are not shown.
        size: in bytes, as it is sent.
    """

    kind: str = ""
    text: str = ""
    note: str = ""
    left: int = 0
    size: int = 0

    def __repr__(self) -> str:
        return f"<Shown {self.kind}>"  # not its text: it ends up in error reports


def show(model_admin: "RecordAdmin", request: HttpRequest, object_id: str) -> HttpResponse:
    """The page. The values of headers are on it, for they may be as secret as the body."""
    if not model_admin.has_view_response_permission(request):
        raise PermissionDenied
    record = model_admin.get_object(request, unquote(object_id))
    if record is None:
        raise Http404(_("There is no such record any more."))
    # First: nobody looks without having been written down.
    model_admin.log_change(request, record, _("Looked at the stored response"))
    logger.info("User %s looked at the stored response of record %s.", request.user.pk, record.pk[:24])
    return page(
        model_admin,
        request,
        "response",
        title=_("Stored response"),
        record=record,
        headers=stored_headers(record.response_headers),
        shown=opened(record),
    )


@sensitive_variables()
def opened(record: Any) -> Shown:
    """The body of a record, decrypted where it is encrypted."""
    if record.response_body is None:
        return Shown(note=_absent(record))
    try:
        body = open_body(record.pk, bytes(record.response_body), record.sealed_with)
    except (Unreadable, ImproperlyConfigured) as error:
        return Shown(note=_("It cannot be decrypted: %s.") % error)
    headers = {name.lower(): value for name, value in stored_headers(record.response_headers)}
    encoding = headers.get("content-encoding", "identity")
    if encoding != "identity":
        return _dumped(body, _("It is encoded: %s.") % encoding)
    return present(body, headers.get("content-type", ""))


def _absent(record: Any) -> str:
    if record.completed_at is None:
        return _("There is no response yet.")
    if record.resource_deleted_at is not None:
        return _("It was removed, for what the request made has been deleted.")
    return _("It was not kept: it was streamed, or too large.")


@sensitive_variables()
def present(body: bytes, content_type: str) -> Shown:
    """Show a body as what its type says, where it is that: JSON with its structure, text as it is; else its bytes."""
    kind, parameters = parse_header_parameters(content_type)
    as_text = not kind or is_json(content_type) or kind.startswith("text/") or kind.endswith("xml")
    if not as_text and "charset" not in parameters:
        return _dumped(body)
    try:
        text = body.decode(parameters.get("charset", "utf-8"))
    except (LookupError, UnicodeError):
        return _dumped(body, kind and _("It is not the text that it says it is: %s.") % content_type)
    if is_json(content_type):
        return _indented(text, len(body))
    return _cut("text", text, "", len(body))


def is_json(content_type: str) -> bool:
    """Whether something that says this of itself is JSON."""
    kind, _parameters = parse_header_parameters(content_type)
    return kind == "application/json" or kind.endswith("+json")


@sensitive_variables()
def _indented(text: str, size: int) -> Shown:
    try:
        indented = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return _cut(
            "text",
            text,
            _("It says that it is JSON, and cannot be read as that: it is shown as it is."),
            size,
        )
    note = _("Indented to be read: white space and the notation of numbers may differ from what is sent.")
    return _cut("JSON", indented, note, size)


def _cut(kind: str, text: str, note: str, size: int) -> Shown:
    # Half of a surrogate pair is JSON, and no text that could be sent.
    shown = text[:TEXT].encode(errors="backslashreplace").decode()
    return Shown(kind, shown, note, max(0, len(text) - TEXT), size)


def _dumped(body: bytes, note: str = "") -> Shown:
    rows = []
    for at in range(0, min(len(body), BYTES), ROW):
        row = body[at : at + ROW]
        letters = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        rows.append(f"{at:08x}  {row.hex(' '):<{3 * ROW}} {letters}")
    return Shown("bytes", "\n".join(rows), note, max(0, len(body) - BYTES), len(body))
