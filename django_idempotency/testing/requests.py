"""The requests that a proof sends: with a key where the policy looks for it, and without."""

import copy
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any
from uuid import uuid4

from asgiref.sync import async_to_sync

from ..choices import KeySyntax
from ..keys import BodyField, Derived, Header, KeySource, alphabet
from ..policy import IdempotencyPolicy


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request, to be sent as often as it takes.

    Attributes:
        options: what else the client's method takes, such as `content_type` and `headers`.
    """

    method: str
    path: str
    data: Any
    options: Mapping[str, Any]

    def send(self, client: Any) -> Any:
        """Let a client send it; the response."""
        for file in _files(self.data):
            file.seek(0)  # the request before has read it to its end
        body = {} if self.data is None else {"data": self.data}
        response = getattr(client, self.method.lower())(self.path, **body, **self.options)
        return async_to_sync(_awaited)(response) if isawaitable(response) else response

    def keyed(self, policy: IdempotencyPolicy, key: str) -> "Request":
        """The same with a key; where the body has one in another place as well, it becomes this one."""
        source, bare = source_of(policy), self.keyless(policy)
        if isinstance(source, Header):
            headers = {**bare.options["headers"], source.name: _written(key, policy.syntax)}
            bare = replace(bare, options={**bare.options, "headers": headers})
        fields = [
            each.name
            for each in _fields(policy)
            if each is source or each.name in (_members(self.data) or ())
        ]
        return replace(bare, data=_with(bare.data, dict.fromkeys(fields, key)))

    def keyless(self, policy: IdempotencyPolicy) -> "Request":
        """The same without a key."""
        names = {source.name.lower() for source in policy.keys if isinstance(source, Header)}
        sent = self.options.get("headers") or {}
        headers = {name: value for name, value in sent.items() if name.lower() not in names}
        fields = [each.name for each in _fields(policy) if each.name in (_members(self.data) or ())]
        bare = _with(self.data, dict.fromkeys(fields))
        return replace(self, data=bare, options={**self.options, "headers": headers})

    def key(self, policy: IdempotencyPolicy) -> str | None:
        """The key that the body has already."""
        members = _members(self.data) or {}
        return next((members[each.name] for each in _fields(policy) if each.name in members), None)


def source_of(policy: IdempotencyPolicy) -> KeySource:
    """Where a proof puts the key: in a header, or else in the body, or else nowhere, for it is derived."""
    order = (Header, BodyField, Derived)
    return min(policy.keys, key=lambda source: order.index(type(source)))


def new_key(policy: IdempotencyPolicy) -> str:
    """A key that nobody has used, of the length and the characters that the policy allows."""
    allowed = alphabet(policy.characters)
    for key in (str(uuid4()), uuid4().hex):  # many a view wants a UUID, though its policy does not say so
        if policy.min_length <= len(key) <= policy.max_length and allowed.issuperset(key):
            return key
    letters = sorted(allowed.difference('",\\ ') or allowed)
    length = min(max(32, policy.min_length), policy.max_length)
    return "".join(secrets.choice(letters) for _ in range(length))


async def _awaited(response: Any) -> Any:
    return await response


def _written(key: str, syntax: KeySyntax) -> str:
    """A key as a header has it: RFC 9651, where that is asked for."""
    if syntax is KeySyntax.STRICT or (syntax is KeySyntax.LENIENT and '"' in key):
        return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return key


def _members(data: Any) -> Any:
    """The members of a body; None where it has none that could be read."""
    if isinstance(data, str | bytes):
        try:
            data = json.loads(data)
        except ValueError:
            return None
    return data if isinstance(data, Mapping) else None


def _fields(policy: IdempotencyPolicy) -> list[BodyField]:
    return [source for source in policy.keys if isinstance(source, BodyField)]


def _with(data: Any, values: Mapping[str, str | None]) -> Any:
    """A body with other values of some members; without those that are None."""
    if not values:
        return data
    members = _members({} if data is None else data)
    if members is None:
        raise AssertionError(
            f"The policy takes the key from the member {min(values)} of the body: pass a dict as data."
        )
    changed = copy.copy(members)
    for name, value in values.items():
        changed.pop(name, None)
        if value is not None:
            changed[name] = value
    return json.dumps(changed) if isinstance(data, str | bytes) else changed


def _files(data: Any) -> Iterator[Any]:
    """The files of a form, or the one that is the body."""
    if isinstance(data, Mapping):
        for value in data.values():
            yield from _files(value)
    elif isinstance(data, list | tuple):
        for value in data:
            yield from _files(value)
    elif callable(getattr(data, "seek", None)):
        yield data
