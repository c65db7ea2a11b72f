"""
Whet's operations as tools, for a model to call.

A tool is a route and nothing of its own: its name, its arguments and what they must be are read off the route, and a
call of it is the POST that a client of the API would have sent. So both have one record under one key.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from django.urls import URLPattern
from rest_framework.fields import Field
from rest_framework.serializers import Serializer, URLField

from django_idempotency import BodyField
from testproject.systems import in_process
from testproject.whet.apps import WhetConfig
from testproject.whet.urls import urlpatterns
from testproject.whet.views import OperationView

# An argument of a path, as Django's routes spell it: <str:post_id>.
PATH_ARGUMENT = re.compile(r"<\w+:(\w+)>")

Schema = dict[str, Any]


class Tool(NamedTuple):
    """One operation."""

    name: str
    route: str
    view: type[OperationView]

    @property
    def description(self) -> str:
        does = (self.view.operation.__doc__ or "").strip().partition("\n")[0]
        return f"{does} To repeat a call whose result was lost, send the same idempotency_key again."

    @property
    def schema(self) -> Schema:
        """What its arguments are. Nothing is held to it here: whatever comes is judged as a request is."""
        policy = self.view.idempotency_policy
        fields = cast("type[Serializer]", self.view.serializer_class)().fields
        key = next(source.name for source in policy.keys if isinstance(source, BodyField))
        properties = {
            **{name: text() for name in self.path_arguments},
            **{name: text_of(field) for name, field in fields.items()},
            key: text(
                minLength=policy.min_length,
                maxLength=policy.max_length,
                pattern=f"^{policy.characters}*$",
                description="Made anew for each thing to be done, such as the hexadecimal digits of a UUID.",
            ),
        }
        required = [*self.path_arguments, *(name for name, field in fields.items() if field.required)]
        return {
            "type": "object",
            "properties": properties,
            "required": [*required, key] if policy.required else required,
        }

    @property
    def path_arguments(self) -> list[str]:
        return PATH_ARGUMENT.findall(self.route)

    def call(self, arguments: Mapping[str, Any], headers: Mapping[str, str]) -> in_process.Answer:
        """Send the request that the call stands for."""
        # One that is left out leaves a path that is not there, which is an answer too.
        path = PATH_ARGUMENT.sub(lambda found: str(arguments.get(found[1], "")), self.route)
        body = {name: value for name, value in arguments.items() if name not in self.path_arguments}
        return in_process.post(f"/{WhetConfig.prefix}/{path}", json.dumps(body).encode(), headers)


def tools() -> Iterator[Tool]:
    """Make a tool of each route that is an operation."""
    for pattern in urlpatterns:
        view = getattr(pattern.callback, "view_class", None) if isinstance(pattern, URLPattern) else None
        if view is not None and issubclass(view, OperationView):
            yield Tool(str(pattern.name), str(pattern.pattern), view)


def text(**more: Any) -> Schema:
    """Describe a string; there is nothing else that an operation takes."""
    return {"type": "string", **{word: value for word, value in more.items() if value is not None}}


def text_of(field: Field) -> Schema:
    """Describe a field of a body."""
    return text(
        maxLength=getattr(field, "max_length", None), format="uri" if isinstance(field, URLField) else None
    )
