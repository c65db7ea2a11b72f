"""The face for Django's own requests: a Call of an HttpRequest, and a response of what the engine answers."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from asgiref.sync import iscoroutinefunction
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.handlers.exception import response_for_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.views.decorators.debug import sensitive_variables

from . import bodies, events
from .calls import Call, Executed, Replayed
from .choices import Finding
from .claims.base import Row
from .conf import resolve, settings
from .exceptions import IdempotencyError
from .identity import Identity, endpoint_name
from .models import IdempotencyRecord
from .policy import IdempotencyPolicy
from .problems import Problem
from .responses import REPRESENTATION_HEADERS, Snapshot, capture, fill, stored_headers

# Headers, by their names in WSGI's environment, by which a body is read: DRF takes one without a length for empty, and
# an upload for what Content-Disposition calls it.
READ_BY = ("CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_CONTENT_ENCODING", "HTTP_CONTENT_DISPOSITION")
EXPOSE = "Access-Control-Expose-Headers"
# What Django makes of exceptions that are the client's fault.
STATUSES: dict[type[Exception], int] = {
    Http404: 404,
    PermissionDenied: 403,
    BadRequest: 400,
    SuspiciousOperation: 400,
    MultiPartParserError: 400,
}

BeforeReplay = Callable[[Any, IdempotencyRecord], None]
ValidateReplay = Callable[[Any], None]
Redact = Callable[[Any, bytes], bytes]


class Hooks(NamedTuple):
    """
    What a view says for itself; each may be absent.

    Attributes:
        before_replay: (request, record); before a stored response is handed out; raises to refuse.
        validate_replay: (request); validates a body that differs from the first one.
        redact: (request, body) -> the body that is stored in its place.
    """

    before_replay: BeforeReplay | None = None
    validate_replay: ValidateReplay | None = None
    redact: Redact | None = None


NO_HOOKS = Hooks()


def check_hooks(where: str, **hooks: Any) -> None:
    """
    Refuse what would fail, or be passed over, only at a replay.

    Raises:
        TypeError: a hook that cannot be called, or is async.
    """
    for name, hook in hooks.items():
        if hook is not None and not callable(hook):
            raise TypeError(f"{where}: {name} must be a function, not {hook!r}.")
        if iscoroutinefunction(hook):
            raise TypeError(f"{where}: {name} must not be async: the guard calls it, and awaits nothing.")


def answer(call: "HttpCall") -> HttpResponseBase:
    """Let the engine serve a call, and dress its answer."""
    policy = call.policy
    try:
        outcome = events.serve(call)
    except IdempotencyError as error:
        refused = error
    else:
        return _dressed(call, outcome)
    # Out here it is no other error's context: if the renderer fails, its error page shows no key.
    return refuse(refused, policy, call.request)


def _dressed(call: "HttpCall", outcome: Executed[HttpResponseBase] | Replayed) -> HttpResponseBase:
    policy = call.policy
    if isinstance(outcome, Replayed):
        response: HttpResponseBase = call.rebuild(outcome)
        if outcome.marked:
            response.headers[policy.replayed_header] = "true"
        _announce(response, policy, outcome.row.expires_in)
        return response
    if outcome.stored:
        lifetime = policy.lifetime
        _announce(outcome.response, policy, None if lifetime is None else lifetime.total_seconds())
    return outcome.response


def refuse(error: IdempotencyError, policy: IdempotencyPolicy, request: Any) -> HttpResponse:
    """Render a refusal as the policy wants it, with the headers that clients act on."""
    problem = Problem.of(error, policy)
    renderer = resolve(policy.renderer or settings().RENDERER)
    response = renderer(problem, request)
    if not isinstance(response, HttpResponse):
        raise TypeError(f"The renderer {renderer!r} returned a {type(response).__name__}, no HttpResponse.")
    for name, value in (*problem.headers.items(), *error.headers):
        if name not in REPRESENTATION_HEADERS:
            response.headers.setdefault(name, value)
    _expose(response, "Retry-After", "X-Should-Retry")
    return response


class HttpCall(Call[HttpResponseBase]):
    """A call of a Django view."""

    def __init__(
        self,
        request: Any,
        policy: IdempotencyPolicy,
        handler: Callable[[], HttpResponseBase],
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        self.request = request
        self.policy = policy
        self.handler = handler
        self.hooks = hooks
        # Django's own, which DRF's asks for each of its attributes.
        self.django_request = own = getattr(request, "_request", request)
        self.method = own.method
        self.path = own.path
        self.sent = own.META
        self.query = own.META.get("QUERY_STRING", "")
        self.endpoint = policy.endpoint or endpoint_name(own.method, _route(own))

    def header(self, name: str) -> str | None:
        # Not request.headers, which takes all headers of a request apart to find one.
        value = self.sent.get(_variable(name))
        return None if value is None else str(value)

    def data(self) -> Any:
        if not hasattr(self, "_data"):
            with bodies.readable:
                # Before a form is parsed out of them: a handler that checks a signature reads the bytes as well.
                self._bytes()
                self._data = self.parse()
        return self._data

    def parse(self) -> Any:
        """The body as the view sees it: a form, JSON, or bytes."""
        return bodies.parse(self.request)

    def body(self) -> bytes | None:
        with bodies.readable:
            return bodies.read(self.django_request)

    def written(self) -> bytes | None:
        with bodies.readable:
            raw = self._bytes()
        if raw is None:
            return None
        digest = sha256(repr([*map(self.sent.get, READ_BY)]).encode())
        digest.update(raw)
        return digest.digest()

    def _bytes(self) -> bytes | None:
        try:
            return bodies.read(self.django_request)
        except RequestDataTooBig:  # larger uploads are parsed as they come
            return None

    def bare(self) -> HttpResponseBase:
        return self.handler()

    def run(self) -> HttpResponseBase:
        try:
            response = self.handler()
        except (Http404, BadRequest) as error:
            if not self.policy.stored_errors:
                raise
            self.raised = error
            response = response_for_exception(self.request, error)
        return rendered(response)

    def status(self, response: HttpResponseBase) -> int:
        return response.status_code

    def status_of(self, error: Exception) -> int | None:
        return next((status for kind, status in STATUSES.items() if isinstance(error, kind)), None)

    def capture(self, response: HttpResponseBase) -> Snapshot:
        snapshot = capture(response, self.policy)
        return snapshot if self.hooks.redact is None else self._redacted(snapshot)

    @sensitive_variables()  # also those of the hook, which holds the body before and after
    def _redacted(self, snapshot: Snapshot) -> Snapshot:
        """What the view lets be stored of it."""
        if self.hooks.redact is None or snapshot.body is None:
            return snapshot
        redacted = self.hooks.redact(self.request, snapshot.body)
        if not isinstance(redacted, bytes):
            raise TypeError(f"A redacted body is bytes, not {type(redacted).__name__}.")
        return snapshot._replace(body=redacted)

    def rebuild(self, replayed: Replayed) -> HttpResponse:
        """The stored response, as a response."""
        return filled(HttpResponse(), replayed.row)

    def before_replay(self, identity: Identity, row: Row) -> None:
        if self.hooks.before_replay is not None:
            self.hooks.before_replay(self.request, IdempotencyRecord.of(identity, row, self.policy))

    def reconcile(self, identity: Identity, row: Row) -> Snapshot | Finding:
        found = resolve(self.policy.reconcile)(IdempotencyRecord.of(identity, row, self.policy))
        return found if isinstance(found, Finding) else self.capture(rendered(found))

    def pointer(self, identity: Identity, row: Row) -> HttpResponseBase:
        record = IdempotencyRecord.of(identity, row, self.policy)
        return rendered(resolve(self.policy.pointer)(self.request, record))

    def validate_replay(self) -> None:
        if self.hooks.validate_replay is not None:
            self.hooks.validate_replay(self.request)


def rendered(response: Any) -> HttpResponseBase:
    """Render what renders late (templates, DRF), so that its queries and its bytes belong to the transaction."""
    late: HttpResponseBase = response
    if callable(getattr(response, "render", None)):
        response.render()
    return late


def filled(response: HttpResponse, row: Row) -> HttpResponse:
    """A new response, made equal to the stored one."""
    fill(
        response,
        row.response_status or 200,
        stored_headers(row.response_headers),
        bytes(row.response_body or b""),
    )
    return response


@lru_cache
def _variable(header: str) -> str:
    """Its name in WSGI's environment."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def _route(request: HttpRequest) -> str:
    match = request.resolver_match
    if match is None:  # called without a URL, as in a test with a request factory
        return request.path
    return match.view_name if match.url_name else match.route


def _announce(response: HttpResponseBase, policy: IdempotencyPolicy, seconds: float | None) -> None:
    """Tell the client when the key is free again."""
    if policy.expires_header is None:
        _expose(response, policy.replayed_header)
        return
    if seconds is not None:
        response.headers[policy.expires_header] = str(max(int(seconds), 0))
    _expose(response, policy.replayed_header, policy.expires_header)


def _expose(response: HttpResponseBase, *names: str) -> None:
    """Let a browser's script from another origin see these headers (CORS)."""
    already = response.headers.get(EXPOSE)
    response.headers[EXPOSE] = ", ".join(names if already is None else (already, *names))
