"""A client that sends a request again until it is answered."""

import json
import threading
import uuid
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from testproject.demo.endpoints import Body, Rules
from testproject.demo.retries import LOST, pause, worth_a_retry

# A library in somebody's web request should give up after three. This one plays on a network that fails on purpose.
ATTEMPTS = 8
# Longer than the server lets a duplicate wait.
TIMEOUT = 30.0


class Unanswered(Exception):
    """No attempt had an answer."""


class Stopped(Exception):
    """Somebody ended the demo."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back in the end, and what went wrong before it did."""

    response: httpx.Response
    troubles: tuple[str, ...]

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def replayed(self) -> bool:
        return is_replay(self.response)

    def seen(self, headers: tuple[str, ...]) -> tuple[object, ...]:
        """All that has to be the same in each answer to one operation."""
        names = ("Content-Type", "Location", *headers)
        return (self.status, self.response.content, *(self.response.headers.get(name) for name in names))


@dataclass(slots=True, eq=False)
class Tally:
    """What went over the wire; counted by many threads at once."""

    sent: int = 0
    replayed: int = 0
    refused: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attempt(self) -> None:
        with self._lock:
            self.sent += 1

    def answer(self, response: httpx.Response) -> None:
        with self._lock:
            self.replayed += is_replay(response)
            self.refused += 400 <= response.status_code < 500


class Caller:
    """One organization's client."""

    def __init__(self, base_url: str, name: str, token: str) -> None:
        self.name = name
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        # The proxies of the environment are not for a server on this machine.
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=TIMEOUT, trust_env=False)
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.close()

    def stop(self) -> None:
        """Send nothing more, whatever thread asks."""
        self._stopped.set()

    def get(self, path: str) -> dict[str, Any]:
        """Read something."""
        answer = self.request("GET", path)
        answer.response.raise_for_status()
        return dict(answer.response.json())

    def make(self, path: str, body: Body, rules: Rules) -> dict[str, Any]:
        """Make something that the play needs, outside of all counting."""
        answer = self.post(path, body, str(uuid.uuid4()), rules, Tally())
        answer.response.raise_for_status()
        return dict(answer.response.json())

    def post(
        self, path: str, body: Body, key: str | None, rules: Rules, tally: Tally, fault: str | None = None
    ) -> Answer:
        """Do one operation: each attempt has the same key and the same bytes, and only the first one the fault."""
        headers: dict[str, str] = {}
        if key is not None:
            body = rules.key.put(key, headers, body)
        content = json.dumps(body).encode()
        return self.request("POST", path, tally, fault, content=content, headers=headers)

    def request(
        self, method: str, path: str, tally: Tally | None = None, fault: str | None = None, **sent: Any
    ) -> Answer:
        tally = tally or Tally()
        request = self._http.build_request(method, path, **sent)
        if fault is not None:
            request.headers["X-Demo-Fault"] = fault
        troubles: list[str] = []
        for attempt in range(ATTEMPTS):
            if self._stopped.is_set():
                raise Stopped
            response = None
            tally.attempt()
            try:
                response = self._http.send(request)
            except LOST as lost:
                troubles.append(type(lost).__name__)
            else:
                tally.answer(response)
                if not worth_a_retry(response):
                    return Answer(response, tuple(troubles))
                troubles.append(str(response.status_code))
            request.headers.pop("X-Demo-Fault", None)
            self._stopped.wait(pause(attempt, response))
        raise Unanswered(f"{method} {path} had no answer in {ATTEMPTS} attempts: {', '.join(troubles)}")


def is_replay(response: httpx.Response) -> bool:
    """Tell whether a response says that it is a replay."""
    return bool(response.headers.get("Idempotent-Replayed") == "true")
