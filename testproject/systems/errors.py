"""One error body per system, for whatever refuses: DRF, the view, or the idempotency layer."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from django_idempotency import Problem
from testproject.systems.request_ids import HEADER, request_id_of

logger = logging.getLogger("testproject")

# DRF's codes, as these systems call them. All others keep DRF's name.
_CODES: Mapping[type[Exception], str] = {
    exceptions.ValidationError: "validation_failed",
    exceptions.ParseError: "validation_failed",
    exceptions.NotAuthenticated: "unauthorized",
    exceptions.AuthenticationFailed: "unauthorized",
    exceptions.PermissionDenied: "forbidden",
}
# The layer's codes, where these systems have one of their own for the same thing.
_LAYER_CODES: Mapping[str, str] = {"invalid_body": "validation_failed"}


class Unavailable(exceptions.APIException):
    """The database is away, or had to sacrifice this transaction to another."""

    status_code = 503
    default_code = "unavailable"
    default_detail = "The service is not available now; try again"
    # DRF makes Retry-After of it.
    wait = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class ErrorShape:
    """How a system says no: ``{"error": {"code": ..., "message": ...}}``, with variations."""

    # The member of "error" that holds the code.
    code_member: str = "code"
    # Whether "error" also repeats the response's X-Request-Id.
    with_request_id: bool = False
    # How codes are spelt, say str.upper.
    spelling: Callable[[str], str] = str
    # The system's own name for a code of the layer, where it has one.
    codes: Mapping[str, str] = field(default_factory=dict)
    # The system's own words for a code of the layer, where its page has them.
    messages: Mapping[str, str] = field(default_factory=dict)

    def body(self, code: str, message: str, request: HttpRequest | Request) -> dict[str, Any]:
        """Write the body of an error."""
        code = _LAYER_CODES.get(code, code)
        error = {
            self.code_member: self.spelling(self.codes.get(code, code)),
            "message": self.messages.get(code, message),
        }
        if self.with_request_id:
            error["request_id"] = request_id_of(request)
        return {"error": error}

    def of_problem(self, problem: Problem, request: HttpRequest | Request) -> HttpResponse:
        """Render a refusal of the idempotency layer: what a policy takes as its ``renderer``."""
        message = problem.detail or problem.title
        # As compact as what DRF renders.
        return JsonResponse(
            self.body(problem.code, message, request),
            status=problem.status,
            json_dumps_params={"separators": (",", ":"), "ensure_ascii": False},
            # A refusal is this request's own, also where it comes with headers of the stored response.
            headers={HEADER: request_id_of(request)},
        )

    def of_exception(self, exc: Exception, context: dict[str, Any]) -> Response | None:
        """Render an exception of a view: what DRF takes as its exception handler."""
        if isinstance(exc, OperationalError | InterfaceError):
            logger.error("The database failed a request.", exc_info=exc)
            exc = Unavailable()
        if isinstance(exc, RequestDataTooBig):
            exc = exceptions.ParseError("The body is too large")
        response = exception_handler(exc, context)
        if response is not None:
            response.data = self.body(code_of(exc, response), message_in(response.data), context["request"])
        return response


def code_of(exc: Exception, response: Response) -> str:
    """Tell the code of an exception that DRF has made a response of."""
    if response.status_code == 404:
        return "not_found"
    default = exc.default_code if isinstance(exc, exceptions.APIException) else "forbidden"
    return _CODES.get(type(exc), default)


def message_in(detail: Any) -> str:
    """Say in one line the first thing that DRF found wrong."""
    if isinstance(detail, dict) and detail:
        name, first = next(iter(detail.items()))
        return message_in(first) if name in {"detail", "non_field_errors"} else f"{name}: {message_in(first)}"
    if isinstance(detail, list) and detail:
        return message_in(next((item for item in detail if item), detail[0]))
    return str(detail)
