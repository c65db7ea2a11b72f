"""The proof that an endpoint is idempotent: a first request, its retry, and what else was asked for."""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from ..choices import Fingerprint, Mismatch, Mode, Outcome, State
from ..conf import resolve, settings
from ..exceptions import KeyRequired, ResponseUnavailable, ScopeRequired
from ..keys import Derived
from ..models import IdempotencyRecord
from ..policy import IdempotencyPolicy
from ..problems import Problem
from ..routes import route_to
from . import faults
from .requests import Request, new_key, source_of
from .watch import Seen, watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is asked of an endpoint beyond the retry; see `assert_idempotent`."""

    other_data: Any
    other_client: Any
    key_required: bool
    redacted: Callable[[bytes], bytes] | None
    unavailable: bool
    unchanged: Callable[[], Any] | None
    ignore_tables: frozenset[str]


class Proof:
    """
    Sends the requests, and judges what is seen of them. Pytest shows the test's own line, and none in here.

    Raises:
        AssertionError: by `run`, with all that was wrong at one step.
    """

    def __init__(
        self,
        client: Any,
        request: Request,
        key: str | None,
        policy: IdempotencyPolicy | None,
        expected: Expected,
    ) -> None:
        self.client = client
        self.expected = expected
        self.method = request.method
        self.path = request.path
        self.route = route_to(unquote(urlsplit(request.path).path), request.method)
        if policy is None and self.route is not None and self.route.chooses:
            self._judge(
                ["Its view chooses its policy by the request: pass the one that it chooses as policy=."]
            )
        found = policy or (self.route and self.route.policy) or resolve(settings().POLICY)
        self.policy: IdempotencyPolicy = found
        self.alias = IdempotencyRecord.alias(self.policy)
        if key is None:
            key = request.key(self.policy) or new_key(self.policy)
        self.key = key
        self.request = request.keyed(self.policy, self.key)
        self.bare = request.keyless(self.policy)

    def run(self) -> Any:
        """All of it; the first response."""
        __tracebackhide__ = True
        expected = self.expected
        first = self._first()
        self._retry(first)
        derives = any(isinstance(source, Derived) for source in self.policy.keys)
        if expected.key_required or (self.policy.required and not derives):
            self._without_key()
        if expected.other_data is not None:
            self._other_body()
        if expected.other_client is not None:
            self._other_caller()
        return first.response

    def _first(self) -> Seen:
        __tracebackhide__ = True
        before = self._records()
        seen = self._send(self.request)
        if seen.event is None:
            self._judge([faults.unguarded(seen, self.route, self.policy, self.method)])
        self._judge(filter(None, [faults.not_begun(seen, self.policy)]))
        self._judge(self._beginning(seen, before))
        return seen

    def _beginning(self, seen: Seen, before: dict[str, Any]) -> Iterator[str]:
        made = [row for pk, row in self._records().items() if pk not in before and self._is_own(row, seen)]
        states = [row["state"] for row in made]
        if states != [State.COMPLETED]:
            yield (
                f"The first request left {len(made)} records on {self.alias} ({', '.join(states) or 'none'}), and should "
                "leave one that is completed. Something deletes or changes records, or policy= names another database."
            )
        yield from faults.marks(seen, self.policy.replayed_header, "The first answer", wanted=False)
        if self.policy.mode is Mode.ATOMIC:
            yield from faults.elsewhere(seen, self.alias, self.expected.ignore_tables)

    def _retry(self, first: Seen) -> None:
        __tracebackhide__ = True
        outcome = ResponseUnavailable.code if self.expected.unavailable else str(Outcome.REPLAYED)
        seen, left = self._again(self.request, "The retry")
        if seen.outcome == outcome:
            left.extend(self._differences(first.response, seen))
        else:
            left.insert(0, faults.not_replayed(seen, self.policy))
        self._judge(left)

    def _differences(self, first: Any, seen: Seen) -> Iterator[str]:
        policy, again = self.policy, seen.response
        if self.expected.unavailable:
            status = Problem.of(ResponseUnavailable(), policy).status
            if again.status_code != status:
                yield f"The retry's status is {again.status_code}, and should be {status}. {faults.RENDERER}"
            yield from faults.differences(first, again, policy.replayed_headers)
            yield from faults.marks(seen, policy.replayed_header, "The retry", wanted=False)
            return
        redacted = self.expected.redacted
        sent = first.getvalue()  # also of a stream
        body = redacted(sent) if redacted else sent
        yield from faults.answers(first, again, body, policy)
        source = source_of(policy)
        marked = source.marked if isinstance(source, Derived) else True
        yield from faults.marks(seen, policy.replayed_header, "The retry", wanted=marked)

    def _without_key(self) -> None:
        __tracebackhide__ = True
        seen, left = self._again(self.bare, "The request without a key")
        if seen.outcome != KeyRequired.code:
            left.insert(
                0,
                f"A request without a key was answered {seen.response.status_code} ({seen.outcome or 'unguarded'}), and "
                "should be refused. Write IdempotencyPolicy(required=True), without Derived among its keys.",
            )
        self._judge(left)

    def _other_body(self) -> None:
        __tracebackhide__ = True
        other = Request(self.method, self.path, self.expected.other_data, self.bare.options)
        seen, left = self._again(other.keyed(self.policy, self.key), "The request with another body")
        answer = Mismatch.REPLAY if self.policy.fingerprint is Fingerprint.TARGET else self.policy.on_mismatch
        self._judge([*faults.mismatch(seen, self.policy, answer), *left])

    def _other_caller(self) -> None:
        __tracebackhide__ = True
        seen, left = self._again(self.request, "", self.expected.other_client)
        refused = seen.outcome is None and seen.response.status_code >= 300
        if not refused and seen.outcome not in (Outcome.EXECUTED, Outcome.RELEASED, ScopeRequired.code):
            left.append(
                f"Another caller with the key of the first one was answered {seen.response.status_code} "
                f"({seen.outcome or 'unguarded'}), and should have a record of its own or be refused. Let the scope "
                "name the caller (IdempotencyPolicy(scope=...)), and the guard stand below what asks who is calling."
            )
        self._judge(left)

    def _again(self, request: Request, who: str, client: Any = None) -> tuple[Seen, list[str]]:
        """Send what should leave nothing behind, and say what it has left; of another caller's only what it changed."""
        before, counted = self._records(), self._count()
        seen = self._send(request, client)
        left = [] if client is not None else list(faults.traces(seen, who, self.expected.ignore_tables))
        after = self._records()
        if any(after.get(pk) != row for pk, row in before.items()):
            left.append(f"{who or 'Another caller'} changed a record that was there.")
        if client is None and after.keys() - before.keys():
            left.append(f"{who} left a record of its own.")
        now = self._count()
        if client is None and now != counted:
            left.append(f"{who} changed what unchanged= tells: {counted!r} before, {now!r} after.")
        return seen, left

    def _send(self, request: Request, client: Any = None) -> Seen:
        with watch() as seen:
            seen.response = request.send(self.client if client is None else client)
        return seen

    def _count(self) -> Any:
        # A copy, for what it gives may be the very list that a retry would add to.
        return copy.deepcopy(self.expected.unchanged()) if self.expected.unchanged else None

    def _records(self) -> dict[str, dict[str, Any]]:
        rows = IdempotencyRecord.objects.using(self.alias).values()
        return {row["id"]: {**row, "response_body": bytes(row["response_body"] or b"")} for row in rows}

    def _is_own(self, row: dict[str, Any], seen: Seen) -> bool:
        return seen.event is not None and row["endpoint"] == seen.event.endpoint

    def _judge(self, found: Iterable[str]) -> None:
        __tracebackhide__ = True
        lines = [f"\n- {fault}" for fault in found]
        if lines:
            view = f" ({self.route.dotted})" if self.route else ""
            raise AssertionError(f"{self.method} {self.path}{view} is not idempotent:{''.join(lines)}")
