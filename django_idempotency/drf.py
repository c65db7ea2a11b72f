"""The face for DRF's requests, shared by the mixin and the decorator; authentication and throttles are behind it."""

import json
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NoReturn

from django.db import Error
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException, UnsupportedMediaType
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from . import events
from .calls import Replayed
from .exceptions import IdempotencyError, LeaseLost
from .http import Hooks, HttpCall, answer, filled, refuse, rendered
from .policy import IdempotencyPolicy
from .responses import Snapshot

Handler = Callable[..., HttpResponseBase]


def guard(
    view: APIView,
    policy: IdempotencyPolicy,
    handler: Handler,
    hooks: Hooks,
    request: Request,
    *args: Any,
    **kwargs: Any,
) -> HttpResponseBase:
    """Run a handler of a view, or replay it. What it raises goes on to the view's own `handle_exception`."""
    return answer(DRFCall(view, policy, handler, hooks, request, args, kwargs))


def refused(
    error: IdempotencyError, policy: IdempotencyPolicy, request: Request, *args: Any, **kwargs: Any
) -> HttpResponseBase:
    """In place of a handler, where the guard was not even reached."""
    unreached = HttpResponse
    events.tell(HttpCall(request, policy, unreached), error, perf_counter())
    return refuse(error, policy, request)


class DRFCall(HttpCall):
    """A call of a DRF handler."""

    def __init__(
        self,
        view: APIView,
        policy: IdempotencyPolicy,
        handler: Handler,
        hooks: Hooks,
        request: Request,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        super().__init__(request, policy, partial(handler, request, *args, **kwargs), hooks)
        self.view = view
        self.arguments = args, kwargs
        if request.version is not None:  # which may travel in a header, and then is not part of the path
            version = str(request.version)
            self.path = f"{len(version)}:{version}{self.path}"

    def parse(self) -> Any:
        try:
            return self.request.data
        except UnsupportedMediaType:  # refused by the handler, if it reads the body at all
            return bytes(self.request.body)

    def run(self) -> HttpResponseBase:
        view: Any = self.view  # untyped: two of its methods are shadowed below, so that they run once
        args, kwargs = self.arguments
        response: HttpResponseBase
        try:
            response = self.handler()
        except Exception as error:
            # Where refusals are stored they must become responses inside the transaction; else the view does it. What
            # the database says, or a handler says to the guard, is for the guard.
            if not self.policy.stored_errors or isinstance(error, Error | IdempotencyError | LeaseLost):
                raise
            self.raised = error
            try:
                response = view.handle_exception(error)
            except Exception:
                view.handle_exception = _raise  # dispatch() would call it a second time
                raise
        response = view.finalize_response(self.request, response, *args, **kwargs)
        self.plain_status = response.status_code  # a browsable page changes some statuses as it renders
        rendered(response)
        view.finalize_response = partial(_finalize_others, response, view.finalize_response)
        return response

    def status_of(self, error: Exception) -> int | None:
        return error.status_code if isinstance(error, APIException) else super().status_of(error)

    def capture(self, response: HttpResponseBase) -> Snapshot:
        if isinstance(getattr(response, "accepted_renderer", None), BrowsableAPIRenderer):
            response = self._plain(response)
        return super().capture(response)

    def _plain(self, response: Any) -> HttpResponseBase:
        """The same data without the browsable page around it, which holds a CSRF token and forms of the moment."""
        plain = [
            renderer
            for renderer in self.view.get_renderers()
            if not isinstance(renderer, BrowsableAPIRenderer)
        ]
        if not plain:
            return response  # type: ignore[no-any-return]
        copy: Any = Response(response.data, status=self.plain_status, headers=dict(response.headers))
        copy.accepted_renderer, copy.accepted_media_type = plain[0], plain[0].media_type
        copy.renderer_context = self.view.get_renderer_context()
        return rendered(copy)

    def rebuild(self, replayed: Replayed) -> "ReplayedResponse":
        response = ReplayedResponse()
        filled(response, replayed.row)
        return response


class ReplayedResponse(Response):
    """A stored response: already rendered, its bytes as they were."""

    @property
    def data(self) -> Any:
        """The body, parsed if it is JSON, for code that looks at a response's data."""
        try:
            return json.loads(self.content) if "json" in self.headers.get("Content-Type", "") else None
        except ValueError:  # empty, or one value a line
            return None

    @data.setter
    def data(self, value: Any) -> None:
        """Set by Response itself; the stored bytes are what counts."""


def _raise(error: Exception) -> NoReturn:
    """In place of `handle_exception` where that has run already, and let the error through."""
    raise error


def _finalize_others(
    done: HttpResponseBase,
    finalize: Handler,
    request: Request,
    response: HttpResponseBase,
    *args: Any,
    **kwargs: Any,
) -> HttpResponseBase:
    """In place of `finalize_response` where that has run for one response; COMMIT may yet lead to another one."""
    return response if response is done else finalize(request, response, *args, **kwargs)
