"""``manage.py idempotency resolve``: an outcome that nobody knew, as somebody has found it out."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.http import BadHeaderError, HttpResponse

from ... import resolution
from ...models import IdempotencyRecord
from ...presets import DEFAULT
from ...routes import policy_of
from .base import MISUSED, digits
from .by_hand import ByHand
from .release import Release

BODILESS = (204, 205, 304)


class Resolve(ByHand):
    help = (
        "Resolve what is unknown: as done, with the response that its key is answered with from now on, or as not "
        "done, like release. What is in flight is left alone."
    )
    verb = "resolve"
    done = "Resolved"

    @classmethod
    def add_ids(cls, parser: CommandParser) -> None:
        parser.add_argument("id", nargs=1, type=digits, metavar="ID", help="As list shows it.")
        found = parser.add_mutually_exclusive_group(required=True)
        found.add_argument("--status", type=int, help="It was done, and this is the status of its answer.")
        found.add_argument("--not-done", action="store_true", help="It was not done: its key is free.")
        parser.add_argument("--body-file", type=Path, metavar="FILE", help="The answer's body, to the byte.")
        parser.add_argument(
            "--content-type", default="application/json", help="Of the body (application/json)."
        )
        parser.add_argument(
            "--header", action="append", default=[], metavar="'NAME: VALUE'", help="May be repeated."
        )

    def prepare(self, records: list[Any]) -> None:
        if self.options["not_done"]:
            self.effect = Release.effect
            return
        self.effect = f"from now on its key is answered with {self.options['status']}, and nothing runs."
        [record] = records
        policy = policy_of(record.endpoint)
        if policy is None:
            self.stderr.write(f"No route is called {record.endpoint!r} now: judged by the default policy.")
        self.policy = policy or DEFAULT
        self.response = self._response()

    def act(self, record: IdempotencyRecord, who: str, why: str) -> None:
        if self.options["not_done"]:
            resolution.release(record, who=who, why=why)
        else:
            resolution.complete(record, self.response, who=who, why=why, policy=self.policy)

    def _response(self) -> HttpResponse:
        """The response that was described, if its policy would have stored it."""
        status = self.options["status"]
        if not self.policy.keeps(status):
            self.fail(f"No {status} is ever stored for this endpoint: only {self.policy.kept}.", MISUSED)
        body = self._body()
        response = HttpResponse(body, status=status, content_type=self.options["content_type"])
        if not body:
            del response.headers["Content-Type"]
        for header in self.options["header"]:
            self._add(header, response)
        return response

    def _body(self) -> bytes:
        file: Path | None = self.options["body_file"]
        if file is None:
            return b""
        try:
            body = file.read_bytes()
        except OSError as error:
            self.fail(f"The body cannot be read. {error}", MISUSED)
        if self.options["status"] in BODILESS:
            self.fail(f"An answer of {self.options['status']} has no body.", MISUSED)
        if len(body) > self.policy.max_body_size:
            self.fail(
                f"The body has {len(body)} bytes; its policy keeps {self.policy.max_body_size}.", MISUSED
            )
        if "json" in self.options["content_type"]:
            try:
                json.loads(body)
            except ValueError as error:
                self.fail(
                    f"The body is no JSON: {error}. Say its --content-type, if it is something else.", MISUSED
                )
        return body

    def _add(self, header: str, response: HttpResponse) -> None:
        name, separator, value = (part.strip() for part in header.partition(":"))
        kept = self.policy.replayed_headers
        if not separator or name.lower() not in map(str.lower, kept):
            self.fail(
                f"{header!r} is no header that is replayed, such as 'Location: /orders/17/': {', '.join(kept)}.",
                MISUSED,
            )
        try:
            response.headers[name] = value
        except BadHeaderError as error:
            self.fail(str(error), MISUSED)
