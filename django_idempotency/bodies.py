"""The body of one of Django's own requests: its bytes, and what they say."""

import io
import json
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, QueryDict, RawPostDataException, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.datastructures import MultiValueDict

from .exceptions import InvalidBody

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# What Django raises over a body that is malformed, too large, or cut off.
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnicodeError, UnreadablePostError)


class Readable:
    """
    Whatever a body does to those who read it is the client's fault.

    Raises:
        InvalidBody: in place of that.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        match error:
            case RecursionError():
                raise InvalidBody("The body is nested too deeply.") from error
            case LookupError() if type(error) is LookupError:  # else it is a parser's own failure
                raise InvalidBody("The body's charset is no encoding of text.") from error
            case RequestDataTooBig():
                raise InvalidBody("The body is larger than DATA_UPLOAD_MAX_MEMORY_SIZE allows.") from error
        if isinstance(error, UNREADABLE):
            raise InvalidBody from error


readable = Readable()


def read(request: Any) -> bytes | None:
    """The bytes as they came; None where somebody has read them and kept nothing."""
    try:
        return bytes(request.body)
    except RawPostDataException:  # the check for CSRF, for one, has read a form with files
        return None


def parse(request: HttpRequest) -> Any:
    """The body as a view sees it: a form, JSON, or bytes."""
    if request.content_type in (FORM, MULTIPART):
        fields, files = _form(request)
        merged: MultiValueDict[str, Any] = MultiValueDict(fields.lists())
        for name, uploads in files.lists():
            merged.setlist(name, merged.getlist(name) + list(uploads))
        return merged
    body = bytes(request.body)
    if request.content_type == "application/json" or (request.content_type or "").endswith("+json"):
        try:
            return json.loads(body)
        except ValueError:  # the view's to refuse
            return body
    return body


def _form(request: HttpRequest) -> tuple[MultiValueDict[str, Any], MultiValueDict[str, Any]]:
    # Django reads forms of POST only, and none with files that comes in chunks, without a length.
    chunked = request.content_type == MULTIPART and not request.META.get("CONTENT_LENGTH")
    if request.method == "POST" and not chunked:
        return request.POST, request.FILES
    body = request.body
    if request.content_type == FORM:
        return QueryDict(body, encoding=request.encoding), MultiValueDict()
    return request.parse_file_upload({**request.META, "CONTENT_LENGTH": len(body)}, io.BytesIO(body))
