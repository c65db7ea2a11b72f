"""What a guarded operation tells about its guard, merged into what drf-spectacular tells of it anyway."""

from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from drf_spectacular.drainage import warn
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter

from ...mixins import IdempotentCreateMixin
from ...policy import IdempotencyPolicy
from ...problems import Problem
from ...routes import chooses, guard_of
from .headers import key_parameters, merged, response_headers
from .refusals import answers, problem_schema

if TYPE_CHECKING:
    _Base = AutoSchema
else:
    _Base = object


def aware(schema: Any, guarded: type) -> Any:
    """A copy of a view's schema that knows of the guard."""
    if not isinstance(schema, AutoSchema):
        return schema
    kind = schema.__class__  # not its type: some are handed out as weak proxies
    copy: Any = object.__new__(type(kind.__name__, (IdempotencySchema, kind), {"guarded": guarded}))
    vars(copy).update(schema.__dict__)
    return copy


class IdempotencySchema(_Base):
    """
    Stands before the class of a view's schema. What the view declares itself, for itself, always wins.

    Attributes:
        guarded: the view class as the URLconf has it.
    """

    guarded: type

    @cached_property
    def guard(self) -> IdempotencyPolicy | None:
        """What guards this operation; None where nothing does."""
        view: Any = self.view
        # As the URLconf holds it: what `as_view()` was given has become attributes of the instance.
        routed = SimpleNamespace(cls=self.guarded, initkwargs=vars(view))
        if view.action_map is not None:
            routed.actions = view.action_map
        policy = guard_of(routed, self.method)
        if chooses(self.guarded):
            try:
                policy = view.get_idempotency_policy()
            except Exception as error:
                warn(
                    f"get_idempotency_policy() failed for {self.method} {self.path}, so the policy of the class is "
                    f"shown. There is no real request: `self.swagger_fake_view` is True. (Exception: {error})"
                )
        return policy if policy is not None and policy.guards(self.method) else None

    def get_override_parameters(self) -> Any:
        declared = super().get_override_parameters()
        if self.guard is None:
            return declared
        own = {
            each.name.lower()
            for each in declared
            if isinstance(each, OpenApiParameter) and each.location == each.HEADER and not each.response
        }
        keys = [each for each in key_parameters(self.guard) if each.name.lower() not in own]
        return [*keys, *declared]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        policy = self.guard
        if policy is None:
            return bodies
        for status, body in bodies.items():
            if headers := response_headers(policy, status):
                body["headers"] = merged(body.get("headers", {}), headers)
        component = ResolvedComponent(  # type: ignore[no-untyped-call]  # it has no types
            "IdempotencyProblem", ResolvedComponent.SCHEMA, problem_schema(), object=Problem
        )
        refusals = answers(policy, component.ref, binds=self._binds(policy))
        if any("content" in refusal for refusal in refusals.values()):
            self.registry.register_on_missing(component)
        return {**bodies, **{status: each for status, each in refusals.items() if status not in bodies}}

    def _binds(self, policy: IdempotencyPolicy) -> bool:
        """Whether it is known to bind its record to an object; a handler may do so as well, and nobody can tell."""
        creates = self.method == "POST" and getattr(self.view, "action", "create") == "create"
        return (
            bool(policy.follows)
            or policy.pointer is not None
            or (creates and issubclass(self.guarded, IdempotentCreateMixin))
        )
