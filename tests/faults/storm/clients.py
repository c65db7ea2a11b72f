"""Clients that ask until they are answered for good, and the operator whom they call where nobody knows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from threading import Event, Lock

import httpx
from django.db import Error, connection, transaction
from django.http import JsonResponse

from django_idempotency.exceptions import ResolutionRefused
from django_idempotency.models import IdempotencyRecord
from django_idempotency.resolution import complete, release
from tests.app.models import Effect
from tests.faults.storm.history import BY_HAND, HUNG_UP, LOST, Answer, History, Resolution
from tests.faults.storm.outside import Outside
from tests.faults.storm.plan import PATIENCE, Asker, Operation
from tests.faults.storm.server import RAISE, REQUEST
from tests.guarantee.clients import REPLAYED

# Seconds before a client that got no answer, or a 500, asks again.
AFTER_NOTHING = 0.1


class Operator:
    """Looks up what has happened outside, and resolves accordingly."""

    def __init__(self, history: History, outside: Outside) -> None:
        self._history = history
        self._outside = outside
        self._lock = Lock()

    def resolve(self, key: str) -> None:
        with self._lock, suppress(Error):  # without a database, the client will call again
            record = IdempotencyRecord.objects.filter(key=key).first()
            if record is not None:
                self._resolve(record, self._outside.happened(key))
        connection.close()

    def _resolve(self, record: IdempotencyRecord, run: str | None) -> None:
        began = time.monotonic()
        try:
            if run is None:
                release(record, who="operator", why="It has not happened.")
            else:
                _complete(record, run)
        except ResolutionRefused:
            return  # it has changed meanwhile, as the client will see
        action = "released" if run is None else "completed"
        self._history.resolutions.append(
            Resolution(key=record.key, action=action, began=began, ended=time.monotonic())
        )


def _complete(record: IdempotencyRecord, run: str) -> None:
    """Do in the database what was done outside."""
    with transaction.atomic():
        effect = Effect.objects.create(label=f"{record.key} {BY_HAND}{run}")
        answer = JsonResponse({"id": effect.pk, "run": f"{BY_HAND}{run}"}, status=201)
        complete(record, answer, who="operator", why="It has happened.")


class Clients:
    """Any number of threads may run `work`; each is one client after the other."""

    def __init__(self, url: str, history: History, operator: Operator) -> None:
        self.stopped = Event()
        # All that were begun, by key.
        self.operations: dict[str, Operation] = {}
        self._url = url
        self._history = history
        self._operator = operator
        self._lock = Lock()
        # Each request over a connection of its own, so that none waits for a worker that is paused.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        self._http = httpx.Client(limits=limits, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        self.stopped.set()
        self._http.close()

    def work(self, askings: Iterator[tuple[Operation, Asker]], until: float) -> None:
        """Take the next of what is to be asked, until that time; then only finish."""
        while time.monotonic() < until and not self.stopped.is_set():
            with self._lock:
                operation, asker = next(askings)
                self._history.promises[operation.key] = operation.endpoint
                self.operations[operation.key] = operation
            self.stopped.wait(asker.delay)
            self.ask_until_answered(operation, asker)

    def ask_until_answered(self, operation: Operation, asker: Asker) -> None:
        for attempt in count():
            answer = self._ask(operation, asker, attempt)
            self._history.answers.append(answer)
            if answer.code == "outcome_unknown":
                self._operator.resolve(operation.key)
            elif answer.success or answer.should_retry == "false":
                return
            if self.stopped.wait(float(answer.retry_after or AFTER_NOTHING)):
                return

    def _ask(self, operation: Operation, asker: Asker, attempt: int) -> Answer:
        request = f"{operation.key}/{asker.name}/{attempt}"
        headers = {"Idempotency-Key": operation.key, REQUEST: request}
        if attempt in asker.raises:
            headers[RAISE] = "yes"
        patience = asker.patience[attempt] if attempt < len(asker.patience) else PATIENCE
        seen = partial(Answer, key=operation.key, asker=asker.name, request=request, sent=time.monotonic())
        try:
            response = self._http.post(
                f"{self._url}/{operation.endpoint}/", json=operation.body, headers=headers, timeout=patience
            )
        except httpx.TransportError as error:
            code = HUNG_UP if isinstance(error, httpx.TimeoutException) else LOST
            return seen(received=time.monotonic(), status=None, code=code)
        content_type = response.headers["Content-Type"]
        return seen(
            received=time.monotonic(),
            status=response.status_code,
            code=response.json()["code"] if content_type == "application/problem+json" else "",
            body=response.content,
            content_type=content_type,
            replayed=response.headers.get(REPLAYED) == "true",
            should_retry=response.headers.get("X-Should-Retry"),
            retry_after=response.headers.get("Retry-After"),
        )
